import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { RawJson, stringify } from './raw-json.ts';

test('a raw text is written where its value is, with every digit', () => {
  const text = '{ "n": 1234567890123456789, "s": "$& $1" }';
  expect(
    stringify({ a: 1, payload: new RawJson(text), list: [new RawJson('1.10'), new RawJson(text)] }),
  ).toBe(`{"a":1,"payload":${text},"list":[1.10,${text}]}`);
  expect(stringify(new RawJson('[1]'))).toBe('[1]');
});

test('any other value is written as JSON.stringify writes it', () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => stringify(value) === JSON.stringify(value)));
  expect(stringify({ a: undefined, d: new Date(0) })).toBe('{"d":"1970-01-01T00:00:00.000Z"}');
});
