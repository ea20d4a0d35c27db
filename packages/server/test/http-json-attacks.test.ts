import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { testApp, type TestApp } from './support/test-app.ts';

const nested = (depth: number, open = '[', close = ']') => open.repeat(depth) + close.repeat(depth);
const bytes = (...parts: readonly (string | readonly number[])[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

/** Values that are refused wherever they are outside a payload. */
const VALUES = [
  ['a duplicate field', '{"a":1,"a":1}'],
  ['a duplicate field, once escaped', '{"a":1,"\\u0061":1}'],
  ['__proto__', '{"__proto__":{"role":"admin"}}'],
  ['__proto__, escaped', '{"__\\u0070roto__":{"role":"admin"}}'],
  ['an integer beyond 2^53', '9007199254740993'],
  ['a number beyond any', '1e999'],
  ['half of a surrogate pair', '"\\udc00"'],
  ['half of a surrogate pair in a name', '{"\\ud800":1}'],
  ['halves in the wrong order', '"\\ude00\\ud83d"'],
  ['too many levels', nested(40)],
  ['100,000 levels', nested(100_000)],
  ['100,000 levels of objects', nested(100_000, '{"a":', '}')],
  ['levels that do not end', '['.repeat(200_000)],
  ['NaN', 'NaN'],
  ['Infinity', '-Infinity'],
  ['a hexadecimal number', '0x10'],
  ['a leading zero', '007'],
  ['a leading plus', '+1'],
  ['a point without digits', '1.'],
  ['single quotes', "'a'"],
  ['a comma at the end', '[1,]'],
  ['a comment', '/* a */ 1'],
  ['a control character in a text', '"a\u0000b"'],
  ['a line feed in a text', '"a\nb"'],
  ['an unknown escape', '"\\x41"'],
  ['undefined', 'undefined'],
] as const;

/** Bodies that are refused as a whole. */
const BODIES = [
  ['empty', bytes('')],
  ['blank', bytes(' \n\t ')],
  ['two values', bytes('{"type":"t"}{"type":"t"}')],
  ['with a byte order mark', bytes([0xef, 0xbb, 0xbf], '{"type":"t"}')],
  ['in UTF-16', Buffer.from('\ufeff{"type":"t"}', 'utf16le')],
  ['in Latin-1', Buffer.from('{"type":"\u00e9"}', 'latin1')],
  ['with an overlong character', bytes('{"type":"', [0xc0, 0xaf], '"}')],
  ['with a surrogate as bytes', bytes('{"type":"', [0xed, 0xa0, 0x80], '"}')],
  ['with half of a character at its end', bytes('{"type":"t"}', [0xe4, 0xbd])],
  ['with a NUL at its end', bytes('{"type":"t"}', [0])],
  ['with another blank', bytes('{"type":\u00a0"t"}')],
] as const;

/** Payloads that are kept byte for byte, although `JSON.parse` would change them. */
const KEPT = [
  '{"a":1,"a":2}',
  '{"__proto__":{"role":"admin"},"constructor":{"prototype":{"x":1}}}',
  '12345678901234567890123456789012345678901234567890',
  '{"n":[1.10,1e400,-0,1E+2,0.1000000000000000055511151231257827]}',
  '"\\ud800 \\u0000 \\u2028"',
  ' [ 1 ,\n2 ] '.trim(),
  nested(32),
];

describe.for(brokerKinds.filter(({ available }) => available))('on $name', (kind) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await testApp({ kind });
  });
  afterAll(() => app.close());
  const send = (path: string, body: string | Uint8Array) => app.call('POST', path, { body });

  test.each(VALUES)('%s is refused in every place but a payload, and nothing is stored', async (_, value) => {
    const queues = await app.broker.inspect.queues();
    for (const [path, body] of [
      ['/v1/tasks', `{"type":"t","queue":"attack","x":${value}}`],
      ['/v1/tasks', `{"type":"t","queue":"attack","callback":{"url":"https://a.test/","headers":${value}}}`],
      ['/v1/batches', `{"tasks":[{"type":"t","queue":"attack"},{"type":${value}}]}`],
      ['/v1/batches', `{"tasks":[{"type":"t","queue":"attack"}],"defaults":{"tags":[${value}]}}`],
      // A field of that name deeper in a body is no payload.
      ['/v1/tasks', `{"type":"t","queue":"attack","callback":{"url":"https://a.test/","payload":${value}}}`],
    ] as const) {
      const { status, json } = await send(path, body);
      expect({ status, code: json.code }).toEqual({ status: 400, code: 'malformed' });
      expect(json.offset).toBeLessThanOrEqual(Buffer.byteLength(body));
    }
    expect(await app.broker.inspect.queues()).toEqual(queues);
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  test.each(BODIES)('a body %s is malformed', async (_, body) => {
    for (const path of ['/v1/tasks', '/v1/batches', '/v1/tasks/x/cancel']) {
      const { status, json } = await send(path, body);
      const isOptional = path.endsWith('cancel') && body.length === 0;
      expect(status).toBe(isOptional ? 404 : 400);
      expect(json.code).toBe(isOptional ? 'not-found' : 'malformed');
    }
  });

  test.each(['constructor', 'prototype', 'toString', 'hasOwnProperty', 'then', 'valueOf', 'toJSON', ''])(
    'the field %j is just unknown',
    async (name) => {
      for (const body of [
        { type: 't', [name]: 1 },
        { type: 't', retry: { [name]: 1 } },
      ]) {
        const { status, json } = await send('/v1/tasks', JSON.stringify(body));
        expect(status).toBe(422);
        expect(json.errors).toMatchObject([{ code: 'unknown_field' }]);
      }
    },
  );

  test.each(KEPT)('the payload %s is kept byte for byte', async (payload) => {
    const { status, text, json } = await send('/v1/tasks', `{"type":"t","payload":${payload}}`);
    expect(status).toBe(201);
    expect(text).toContain(`"payload":${payload}`);
    const stored = await app.broker.inspect.task({ queue: 'default', id: json.id });
    expect(Buffer.from(stored?.payload ?? []).toString()).toBe(payload);
    const batch = await send('/v1/batches', `{"defaults":{"type":"t","payload":${payload}},"tasks":[{}]}`);
    const { id } = batch.json.items[0].task;
    expect((await app.call('GET', `/v1/tasks/${id}`)).text).toContain(`"payload":${payload}`);
  });

  test.each([nested(33), '[1,]', '{"a"}', '"a\nb"', '01', 'nul'])(
    'the payload %j is no JSON, or too deep',
    async (payload) => {
      const { status, json } = await send('/v1/tasks', `{"type":"t","payload":${payload}}`);
      expect({ status, code: json.code }).toEqual({ status: 400, code: 'malformed' });
    },
  );
});
