import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage, encodeMessage, type NewTaskMessage, type TaskMessage } from './message.ts';
import { ProtocolError } from './wire.ts';

const hex = (text: string): Buffer => Buffer.from(text, 'hex');

const DEFAULTS: Omit<TaskMessage, 'type' | 'id' | 'queue'> = {
  payload: null,
  retry: 0,
  retried: 0,
  errorMsg: '',
  timeout: 0,
  deadline: 0,
  uniqueKey: '',
  lastFailedAt: 0,
  retention: 0,
  completedAt: 0,
  groupKey: '',
  headers: {},
};

/** Bytes that Go has written. */
const VECTORS: { message: NewTaskMessage; bytes: string }[] = [
  {
    message: {
      type: 'email:send',
      payload: Buffer.from('{"id":1}'),
      id: 'c0ffee00-0000-4000-8000-000000000001',
      queue: 'default',
      retry: 25,
      timeout: 1800,
    },
    bytes:
      '0a0a656d61696c3a73656e6412087b226964223a317d1a2463306666656530302d303030302d343030302d383030302d303030303030303030303031220764656661756c74281940880e',
  },
  {
    message: {
      type: 'email:send',
      id: 'my-id',
      queue: 'low',
      retry: 0,
      retried: 1,
      errorMsg: 'boom',
      timeout: 20,
      deadline: 1700000000,
      uniqueKey: 'asynq:{low}:unique:email:send:',
      lastFailedAt: 1700000100,
      retention: 3600,
      completedAt: 1700000200,
      groupKey: 'g1',
      headers: { k: 'v' },
    },
    bytes:
      '0a0a656d61696c3a73656e641a056d792d696422036c6f7730013a04626f6f6d40144880e2cfaa06521e6173796e713a7b6c6f777d3a756e697175653a656d61696c3a73656e643a58e4e2cfaa0660901c68c8e3cfaa06720267317a060a016b120176',
  },
  {
    message: { type: 'x', id: '1', queue: 'q', retry: -1, timeout: -1 },
    bytes: '0a01781a013122017128ffffffffffffffffff0140ffffffffffffffffff01',
  },
];

/** Any valid Unicode text. */
const text = fc.string({ unit: 'binary', maxLength: 200 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const int64 = fc.maxSafeInteger();
const anyMessage: fc.Arbitrary<TaskMessage> = fc.record({
  type: text,
  payload: fc.option(fc.uint8Array({ minLength: 1, maxLength: 500 }).map((bytes) => Buffer.from(bytes))),
  id: text,
  queue: text,
  retry: int32,
  retried: int32,
  errorMsg: text,
  timeout: int64,
  deadline: int64,
  uniqueKey: text,
  lastFailedAt: int64,
  retention: int64,
  completedAt: int64,
  groupKey: text,
  headers: fc.dictionary(text, text, { maxKeys: 5, noNullPrototype: true }),
});

describe('encodeMessage', () => {
  test.each(VECTORS)('writes the bytes that Go writes, vector %#', ({ message, bytes }) => {
    expect(encodeMessage(message).toString('hex')).toBe(bytes);
  });

  test('leaves out an empty payload and writes both parts of an empty header', () => {
    const bytes = encodeMessage({
      type: 'x',
      id: '',
      queue: '',
      payload: Buffer.alloc(0),
      headers: { '': '' },
    });
    expect(bytes.toString('hex')).toBe('0a01787a040a001200');
  });

  test.each(['type', 'id', 'queue', 'uniqueKey', 'groupKey'])('refuses a lone surrogate in %s', (field) => {
    const message = { type: 'x', id: '1', queue: 'q', [field]: 'a\ud800' };
    expect(() => encodeMessage(message)).toThrow(expect.objectContaining({ code: 'invalid-value' }));
    expect(encodeMessage({ type: 'x', id: '', queue: '' }).toString('hex')).toBe('0a0178');
  });

  test('refuses a lone surrogate in a header and replaces it in an error text', () => {
    const task = { type: 'x', id: '1', queue: 'q' };
    expect(() => encodeMessage({ ...task, headers: { 'a\udc00': '' } })).toThrow(/Unicode|valid/);
    expect(() => encodeMessage({ ...task, headers: { a: '\udc00' } })).toThrow(/Unicode|valid/);
    expect(decodeMessage(encodeMessage({ ...task, errorMsg: 'a\ud800b' })).message.errorMsg).toBe('a\ufffdb');
  });

  test('leaves nothing of a message that cannot be written over in the next one', () => {
    const broken = { type: 'x', id: '1', queue: 'q', payload: Buffer.from('secret'), retry: 9 };
    const headers = { user: 'secret', n: 1 as unknown as string };
    expect(() => encodeMessage({ ...broken, headers })).toThrow(TypeError);
    expect(encodeMessage({ type: 'x', id: '', queue: '' }).toString('hex')).toBe('0a0178');
  });

  test('writes texts and payloads larger than its initial buffer', () => {
    const payload = Buffer.alloc(3_000_000, 7);
    const task = { type: 'é'.repeat(5_000), id: 'x'.repeat(70), queue: 'q' };
    const { message } = decodeMessage(encodeMessage({ ...task, payload }));
    expect(payload.equals(message.payload ?? Buffer.alloc(0))).toBe(true);
    expect({ ...message, payload: null }).toEqual({ ...DEFAULTS, ...task });
  });

  test('writes the nearest int64 for a number beyond it', () => {
    const task = { type: '', id: '', queue: '' };
    const bytes = (timeout: number) => encodeMessage({ ...task, timeout }).toString('hex');
    expect(bytes(Infinity)).toBe('40ffffffffffffffff7f');
    expect(bytes(-Infinity)).toBe('4080808080808080808001');
  });
});

describe('decodeMessage', () => {
  test.each(VECTORS)('reads the bytes that Go writes, vector %#', ({ message, bytes }) => {
    expect(decodeMessage(hex(bytes))).toEqual({ message: { ...DEFAULTS, ...message }, repeats: 0 });
  });

  test('returns any message that was encoded', () => {
    fc.assert(
      fc.property(anyMessage, (message) => {
        expect(decodeMessage(encodeMessage(message))).toEqual({ message, repeats: 0 });
      }),
    );
  });

  test('keeps a header called __proto__', () => {
    const headers = JSON.parse('{"__proto__":"x"}') as Record<string, string>;
    const { message } = decodeMessage(encodeMessage({ type: 't', id: '1', queue: 'q', headers }));
    expect(Object.entries(message.headers)).toEqual([['__proto__', 'x']]);
  });

  test('keeps the largest int64 through a round trip', () => {
    const bytes = hex('48ffffffffffffffff7f');
    expect(encodeMessage(decodeMessage(bytes).message).equals(bytes)).toBe(true);
  });

  test('reads fields in any order, keeps the last of repeated ones, and counts the others', () => {
    const bytes = hex('22017138021a01320a0178300130031a01333a01613a00');
    const { message, repeats } = decodeMessage(bytes);
    expect(message).toEqual({ ...DEFAULTS, type: 'x', id: '3', queue: 'q', retried: 3 });
    expect(repeats).toBe(3);
  });

  test('skips unknown fields of every wire type, and known ones with a wrong wire type', () => {
    const unknown = [
      '800101', // 16, a number
      '8101' + '00'.repeat(8), // 16, 8 bytes
      '82010161', // 16, bytes
      '830108018401', // 16, a group
      '8501' + '00'.repeat(4), // 16, 4 bytes
      '0801', // 1 as a number
      '2a0161', // 5 as bytes
      '7801', // 15 as a number
    ];
    const { message, repeats } = decodeMessage(hex(unknown.join('') + '0a0178'));
    expect(message).toEqual({ ...DEFAULTS, type: 'x', id: '', queue: '' });
    expect(repeats).toBe(0);
  });

  test('lets an appended field replace the earlier one, also with a default', () => {
    const before = encodeMessage({ type: 'x', id: '1', queue: 'q', retried: 2, errorMsg: 'boom' });
    // Fields 6 (retried), 7 (error_msg), 11 (last_failed_at) and 13 (completed_at), as a script appends them.
    const appended = hex('30003a005880e2cfaa066881e2cfaa06');
    const { message, repeats } = decodeMessage(Buffer.concat([before, appended]));
    expect(message).toMatchObject({ retried: 0, errorMsg: '', lastFailedAt: 1_700_000_000 });
    expect(message).toMatchObject({ type: 'x', id: '1', completedAt: 1_700_000_001 });
    expect(repeats).toBe(2);
  });

  test.each([
    ['a field number of 0', '0001'],
    ['a field number that is too large', '808080801001'],
    ['a number of more than 64 bits', '28ffffffffffffffffff02'],
    ['a number of more than 10 bytes', '28' + '80'.repeat(10) + '00'],
    ['a number that ends early', '2880'],
    ['a length beyond the end', '0a05616263'],
    ['a length of 4 GiB', '0affffffff0f'],
    ['a length of 2^63', '12ffffffffffffffff7f'],
    ['a text that is not UTF-8', '0a02c328'],
    ['an encoded surrogate', '0a03eda080'],
    ['a truncated header', '7a030a0261'],
    ['a group that does not end', '83010801'],
    ['a group that ends with another number', '83018c01'],
    ['an end without a group', '8401'],
    ['an unknown wire type', '0e00'],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeMessage(hex(bytes))).toThrow(ProtocolError);
  });

  test('refuses deeply nested groups, without a stack overflow', () => {
    expect(() => decodeMessage(Buffer.from('8301'.repeat(500_000), 'hex'))).toThrow(ProtocolError);
  });

  test('returns a message or throws a ProtocolError for random and damaged bytes', () => {
    const cut = fc.tuple(anyMessage, fc.nat()).map(([message, at]) => {
      const bytes = encodeMessage(message);
      return bytes.subarray(0, at % (bytes.length + 1));
    });
    const flipped = fc.tuple(anyMessage, fc.nat(), fc.nat(255)).map(([message, at, byte]) => {
      const bytes = encodeMessage(message);
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), cut, flipped), (bytes) => {
        try {
          decodeMessage(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
