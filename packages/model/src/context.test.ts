import { describe, expect, test } from 'vitest';
import { contextOf, headersWith, traceIdOf } from './context.ts';

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('a task’s context', () => {
  test('travels in the headers and comes back', () => {
    const context = { businessId: 'shop', userId: 'u-1', traceparent, tracestate: 'a=b' };
    const headers = headersWith(context, { other: 'x' });
    expect(headers).toEqual({
      other: 'x',
      'tc-business-id': 'shop',
      'tc-user-id': 'u-1',
      traceparent,
      tracestate: 'a=b',
    });
    expect(contextOf(headers)).toEqual(context);
  });

  test('overrides the given headers in the fields that it has', () => {
    const headers = headersWith({ userId: 'real' }, { 'tc-user-id': 'forged', traceparent });
    expect(contextOf(headers)).toEqual({ userId: 'real', traceparent });
  });

  test('does not change the given headers', () => {
    const given = { a: 'b' };
    headersWith({ userId: 'u' }, given);
    expect(given).toEqual({ a: 'b' });
    expect(contextOf({ 'tc-user-id': '' })).toEqual({});
  });

  test.each([
    [traceparent, '4bf92f3577b34da6a3ce929d0e0e4736'],
    ['', null],
    [undefined, null],
    ['00-short-00f067aa0ba902b7-01', null],
  ])('takes from the traceparent %s its trace ID, if it has one', (text, id) => {
    expect(traceIdOf(text)).toBe(id);
  });
});
