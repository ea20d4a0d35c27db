import { expect, test } from 'vitest';
import { rawMember } from './raw-member.ts';

test.each([
  ['{"payload":{"order":1234567890123456789}}', '{"order":1234567890123456789}'],
  ['{"a":{"payload":1},"payload": [1, {"b":"}"}] ,"c":2}', '[1, {"b":"}"}]'],
  ['{"payload":"a\\"b,{","x":1}', '"a\\"b,{"'],
  ['{"a":"payload","payload":null}', 'null'],
  ['{"a":["payload",1]}', null],
  ['{}', null],
])('the payload in %s is %j', (json, text) => {
  expect(rawMember(json, 'payload')).toBe(text);
});
