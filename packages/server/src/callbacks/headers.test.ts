import { assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerFault, headerText, shownHeaderValue } from './headers.ts';

describe('a header of the submitter', () => {
  test.each([
    ['Connection'],
    ['keep-alive'],
    ['TE'],
    ['Trailer'],
    ['Transfer-Encoding'],
    ['Upgrade'],
    ['Host'],
    ['Content-Length'],
    ['Expect'],
    ['Via'],
    ['Forwarded'],
    ['X-Forwarded-For'],
    ['x-forwarded-anything'],
    ['Proxy-Authorization'],
    ['Proxy-Connection'],
    ['Webhook-Id'],
    ['webhook-signature'],
    ['Task-Center-Task-Id'],
    ['Traceparent'],
    ['tracestate'],
    ['Webhook_Id'],
    ['Task_Center_Business_Id'],
    ['X_Forwarded_For'],
    ['content_LENGTH'],
    ['task.center.task.id'],
  ])('%s belongs to the service', (name) => {
    expect(headerFault(name, 'x')).toBe('this header is set by the service');
  });

  test.each([
    ['Authorization'],
    ['content-type'],
    ['User-Agent'],
    ['Idempotency-Key'],
    ['X-Request-Id'],
    ['Cookie'],
    ['X_Note'],
    ['webhooks'],
  ])('%s may be set', (name) => {
    expect(headerFault(name, 'Bearer a b\tc')).toBeNull();
  });

  test.each([[''], ['a b'], ['a:b'], ['a\r\nb'], ['é']])('the name %j is refused', (name) => {
    expect(headerFault(name, 'x')).toMatch(/name/);
  });

  test.each([['a\r\nb: c'], ['a\nb'], ['a\0b'], ['é'], ['a\u007f']])('the value %j is refused', (value) => {
    expect(headerFault('x-note', value)).toMatch(/value/);
  });
});

test('secrets are hidden by the name of their header, and in URLs that a header holds', () => {
  for (const name of ['Authorization', 'apikey', 'X_API_KEY', 'X-Password', 'X-Auth', 'X-Session'])
    expect(shownHeaderValue(name, 'S')).toBe('***');
  expect(shownHeaderValue('content-type', 'text/plain; charset=utf-8')).toBe('text/plain; charset=utf-8');
  expect(shownHeaderValue('location', 'https://u:S@a.test/?token=S&x=1')).toBe(
    'https://***@a.test/?token=***&x=1',
  );
});

test('values of our own headers are visible ASCII and decode to the original', () => {
  expect(headerText('order.paid v1')).toBe('order.paid v1');
  expect(headerText('订单')).toBe('%E8%AE%A2%E5%8D%95');
  assert(
    property(string({ unit: 'binary' }), (text) => {
      expect(headerText(text)).toMatch(/^[\u0020-\u007e]*$/);
      expect(decodeURIComponent(headerText(text))).toBe(text.toWellFormed());
    }),
  );
});
