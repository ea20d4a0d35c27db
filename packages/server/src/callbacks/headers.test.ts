import { assert, property, string } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerFault, headerText, isSecretHeader } from './headers.ts';

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

test('headers that hold secrets are recognised by their names', () => {
  for (const name of ['Authorization', 'COOKIE', 'set-cookie', 'x-auth-token', 'Client-Secret', 'X-Api-Key'])
    expect(isSecretHeader(name)).toBe(true);
  for (const name of ['content-type', 'x-author', 'x-request-id']) expect(isSecretHeader(name)).toBe(false);
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
