import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergePatch } from '@task-center/api';
import { isJson, parseBody, RawPayload } from './json-body.ts';
import { JsonFault } from './json-scanner.ts';

const bytes = (text: string) => Buffer.from(text);
const payloadOf = (text: string) => {
  const { payload } = parseBody(bytes(text)) as { payload: RawPayload };
  return Buffer.from(payload.bytes).toString();
};
const faultOf = (body: Uint8Array) => {
  try {
    parseBody(body);
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
  return null;
};
const CHARACTERS = Array.from('{}[]",:\\x0-1.eu \n\u0001');
const fields = (count: number) => Array.from({ length: count }, (_, i) => `"f${i}":0`).join(',');
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

describe('a payload', () => {
  test.each([
    ['{"id":1234567890123456789,"n":1.10,"e":1E+400}'],
    ['  [ 1 , 2 ]'],
    ['"\\u00e9\\ud800 é 你"'],
    ['{"a":1,"a":2,"__proto__":3}'],
    ['-0.0'],
    ['true'],
    [nested(32)],
  ])('%s is kept byte for byte', (text) => {
    expect(payloadOf(`{"a":[],"payload": ${text} ,"z":1}`)).toBe(text.trim());
  });

  test('is cut from every task and from the defaults, and nowhere else', () => {
    const body = parseBody(
      bytes('{"defaults":{"payload":1},"tasks":[{"payload":22222222222222222222},{"x":{"payload":3}},{}]}'),
    );
    expect(body).toEqual({
      defaults: { payload: new RawPayload(Buffer.from('1')) },
      tasks: [{ payload: new RawPayload(Buffer.from('22222222222222222222')) }, { x: { payload: 3 } }, {}],
    });
  });

  test('of a task is replaced by a patch as a whole, with every digit, and kept by one that does not name it', () => {
    const read = (text: string) => parseBody(bytes(text)) as { task: { payload: RawPayload; queue: string } };
    const before = read('{"task":{"queue":"a","payload":{"id":12345678901234567890,"n":1.10}}}');
    expect(mergePatch(before, read('{"task":{"queue":"b"}}'))).toEqual({
      task: { queue: 'b', payload: before.task.payload },
    });
    const patch = read('{"task":{"payload":{"id":98765432109876543210,"n":null}}}');
    expect(mergePatch(before, patch)).toEqual({
      task: { queue: 'a', payload: new RawPayload(bytes('{"id":98765432109876543210,"n":null}')) },
    });
    expect(mergePatch(before, read('{"task":{"payload":null}}'))).toEqual({ task: { queue: 'a' } });
  });

  test('that is null counts as no payload', () => {
    expect(parseBody(bytes('{"payload":null}'))).toEqual({ payload: null });
  });

  test('is refused beyond a depth of 32', () => {
    expect(faultOf(bytes(`{"payload":${nested(33)}}`))?.message).toContain('32 deep');
  });

  test('of any JSON comes out unchanged, and anything else is refused', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json({ maxDepth: 6 }), fc.string(), fc.string({ unit: 'binary' })), (text) => {
        let valid = true;
        try {
          JSON.parse(text.toWellFormed());
        } catch {
          valid = false;
        }
        const well = text.toWellFormed();
        if (valid && well.trim() !== 'null') expect(payloadOf(`{"payload":${well}}`)).toBe(well.trim());
        expect(isJson(bytes(well))).toBe(valid);
      }),
    );
  });
});

describe('a body without its payloads', () => {
  test('equals what JSON.parse makes of it', () => {
    const value = fc.jsonValue({ maxDepth: 5, noUnicodeString: false }).filter((candidate) => {
      const text = JSON.stringify(candidate);
      return !text.includes('__proto__') && !text.includes('payload') && !/\d{16}|e\+/.test(text);
    });
    fc.assert(
      fc.property(value, fc.constantFrom(0, 1, 2), (body, indent) => {
        const text = JSON.stringify(body, null, indent);
        expect(parseBody(bytes(text))).toEqual(JSON.parse(text));
      }),
    );
  });

  test('is refused exactly where JSON.parse refuses it, after any damage', () => {
    const text = '{"a":[1,-2.5e3,"x\\u0041\\n",true,false,null,{}],"b":{"c":[]}}';
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.constantFrom(...CHARACTERS), (at, letter) => {
        const damaged = text.slice(0, at) + letter + text.slice(at + 1);
        let valid = true;
        try {
          JSON.parse(damaged);
        } catch {
          valid = false;
        }
        const fault = faultOf(bytes(damaged));
        if (valid) expect(fault === null || /twice/.test(fault.message)).toBe(true);
        else expect(fault).not.toBeNull();
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['{"a":1,"a":2}', 'twice', 7],
    ['{"a":1,"\\u0061":2}', 'twice', 7],
    ['{"x":{"__proto__":1}}', '__proto__', 6],
    ['{"\\u005f_proto__":1}', '__proto__', 1],
    ['{"a":9007199254740992}', '2^53-1', 5],
    ['{"a":-9007199254740993}', '2^53-1', 5],
    ['{"a":1e400}', '2^53-1', 5],
    ['{"a":"\\ud800"}', 'surrogate', 5],
    ['{"a":01}', 'valid JSON', 5],
    ['{"a":1} x', 'follows', 8],
    ['', 'ends too soon', 0],
    ['{"a":', 'ends too soon', 5],
    [`{"a":${nested(32)}}`, '32 deep', 36],
  ])('%s is refused, with the offset of the fault', (text, message, offset) => {
    const fault = faultOf(bytes(text));
    expect(fault?.message).toContain(message);
    expect(fault?.offset).toBe(offset);
  });

  test('may have 1,000 fields in an object, and a payload any number of them', () => {
    expect(faultOf(bytes(`{"a":{${fields(1_000)}},"payload":{${fields(2_000)}}}`))).toBeNull();
    expect(faultOf(bytes(`{${fields(1_001)}}`))).toMatchObject({
      message: expect.stringContaining('1000 fields'),
      offset: 8_891,
    });
    expect(faultOf(bytes(`{"tasks":[{"x":{${fields(1_001)}}}]}`))?.message).toMatch(/1000 fields/);
  });

  test('may have 250,000 values, and a payload any number of them', () => {
    const list = (count: number) => `[${'0,'.repeat(count - 1)}0]`;
    // The root and the list are values, too.
    expect(faultOf(bytes(`{"a":${list(249_998)},"payload":${list(300_000)}}`))).toBeNull();
    expect(faultOf(bytes(`{"a":${list(249_999)}}`))?.message).toMatch(/250000 values/);
  });

  test('accepts the largest integers that are exact', () => {
    expect(parseBody(bytes('[9007199254740991,-9007199254740991,1.5]'))).toEqual([
      9007199254740991, -9007199254740991, 1.5,
    ]);
  });

  test('must be UTF-8 without a byte order mark', () => {
    expect(faultOf(Buffer.from([0x22, 0xff, 0x22]))?.message).toContain('UTF-8');
    expect(faultOf(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))?.message).toContain('UTF-8');
    expect(faultOf(Buffer.from([0xef, 0xbb, 0xbf, 0x31]))?.message).toContain('byte order mark');
  });
});

test('a large hostile body is read in linear time', () => {
  const parseMs = (size: number) => {
    const body = bytes(`{"a":[${'"\\u0041",'.repeat(size)}1],"payload":[${'[],'.repeat(size)}1]}`);
    const startedMs = performance.now();
    parseBody(body);
    return performance.now() - startedMs;
  };
  parseMs(10_000);
  expect(parseMs(200_000)).toBeLessThan(Math.max(1_000, parseMs(20_000) * 60));
});
