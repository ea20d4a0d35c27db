import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { JsonLoss, writeJson } from './json-losses.ts';

/** What is refused of a value, as `<path> is <found>`; null = it is written. */
function lossIn(value: unknown): string | null {
  try {
    writeJson('payload', value);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(JsonLoss);
    return (error as JsonLoss).message;
  }
}

class Point {
  x = 1;
  readonly #y = 2;
  get y() {
    return this.#y;
  }
}
class Hidden {
  readonly #y = 2;
  get y() {
    return this.#y;
  }
}
/** It runs when it is awaited, as those of many database libraries. */
class Query {
  readonly table = 'users';
  // eslint-disable-next-line unicorn/no-thenable
  then(resolve: (rows: unknown[]) => void): void {
    resolve([]);
  }
}
const throwing = (message: string) => () => {
  throw new Error(message);
};
const cyclic: Record<string, unknown> = {};
cyclic.list = [{ again: cyclic }];

describe('JSON would change', () => {
  test.each<[unknown, string]>([
    [NaN, 'payload is NaN'],
    [{ items: [0, 1, 2, { price: NaN }] }, 'payload.items[3].price is NaN'],
    [[Infinity], 'payload[0] is Infinity'],
    [{ 'a b': { ü: -Infinity } }, 'payload["a b"].ü is -Infinity'],
    [{ of: Object(NaN) }, 'payload.of is NaN'],
    [[1, undefined], 'payload[1] is undefined in a list'],
    // eslint-disable-next-line no-sparse-arrays
    [{ list: [1, , 3] }, 'payload.list[1] is undefined in a list'],
    [{ at: new Date(NaN) }, 'payload.at is an invalid Date'],
    [new Map([[1, 2]]), 'payload is a Map'],
    [{ seen: new Set(['a']) }, 'payload.seen is a Set'],
    [{ cause: Object.assign(new Error('x'), { code: 'E' }) }, 'payload.cause is an Error'],
    [{ later: Promise.resolve(1) }, 'payload.later is a Promise'],
    [[new Query()], 'payload[0] is a Promise'],
    [{ match: /x/ }, 'payload.match is a RegExp'],
    [{ body: Buffer.from('x') }, 'payload.body is bytes or numbers, a Buffer'],
    [[new Float64Array(2)], 'payload[0] is bytes or numbers, a Float64Array'],
    [{ view: new DataView(new ArrayBuffer(1)) }, 'payload.view is bytes or numbers, a DataView'],
    [new ArrayBuffer(1), 'payload is bytes, an ArrayBuffer'],
    [{ run: () => 1 }, 'payload.run is a function'],
    [() => 1, 'payload is a function'],
    [{ tag: Symbol('s') }, 'payload.tag is a symbol'],
    [{ n: 1n }, 'payload.n is a BigInt'],
    [{ weak: new WeakMap() }, 'payload.weak is a WeakMap'],
    [
      { query: new URLSearchParams('a=1') },
      'payload.query is an object of class URLSearchParams without properties',
    ],
    [{ of: new Hidden() }, 'payload.of is an object of class Hidden without properties'],
    [{ toJSON: () => ({ total: NaN }) }, 'payload.total is NaN'],
    [{ a: [{ toJSON: () => undefined }] }, 'payload.a[0] is undefined in a list'],
    [{ a: { toJSON: () => ({ b: [new Map()] }) } }, 'payload.a.b[0] is a Map'],
    [{ a: { toJSON: () => 1, b: 2 }, body: Buffer.from('x') }, 'payload.body is bytes or numbers, a Buffer'],
    [runInNewContext('({ a: new Map() })'), 'payload.a is a Map'],
  ])('%o: %s', (value, loss) => {
    expect(lossIn(value)).toBe(loss);
  });

  test.each<[string, unknown]>([
    ['a cycle', cyclic],
    ['a toJSON that throws', { a: { toJSON: throwing('why') } }],
    ['a getter that throws', Object.defineProperty({}, 'a', { enumerable: true, get: throwing('why') })],
    ['a proxy that throws', new Proxy({}, { ownKeys: throwing('why'), get: throwing('why') })],
  ])('or cannot express %s', (_, value) => {
    expect(lossIn(value)).toMatch(/^payload is something that JSON cannot express: .*(circular|why)/);
  });

  test('a list that names itself many times is not searched for ever', () => {
    const list: unknown[] = [];
    for (let n = 0; n < 10; n += 1) list.push(list);
    expect(lossIn(list)).toContain('circular');
  });
});

describe('JSON expresses', () => {
  test.each<[unknown, string | undefined]>([
    [undefined, undefined],
    [null, 'null'],
    [{ a: undefined, b: null, c: '', d: false, e: 0 }, '{"b":null,"c":"","d":false,"e":0}'],
    [[-0, 1e21, 0.1], '[0,1e+21,0.1]'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ at: [new Date(0)] }, '{"at":["1970-01-01T00:00:00.000Z"]}'],
    [new Point(), '{"x":1}'],
    [{ url: new URL('http://a/') }, '{"url":"http://a/"}'],
    [{ of: [Object('s'), Object(1), Object(true)] }, '{"of":["s",1,true]}'],
    [{ toJSON: () => 'short' }, '"short"'],
    [{ a: { toJSON: () => undefined } }, '{}'],
    [Object.assign(Object.create(null), { a: 1 }), '{"a":1}'],
    [Object.assign(Object.create({ inherited: NaN }), { a: 1 }), '{"a":1}'],
    [Object.assign([1], { extra: NaN }), '[1]'],
    [{ [Symbol('key')]: NaN }, '{}'],
    [{}, '{}'],
    [runInNewContext('({ a: {}, b: [] })'), '{"a":{},"b":[]}'],
    ['\ud800', '"\\ud800"'],
  ])('%o: %s', (value, text) => {
    expect(writeJson('payload', value)).toBe(text);
  });

  test('a deep value, and finds what is lost in it', () => {
    const nest = (inner: unknown) => {
      let value = inner;
      for (let n = 0; n < 150; n += 1) value = [value];
      return value;
    };
    expect(writeJson('payload', nest(1))).toBe('['.repeat(150) + '1' + ']'.repeat(150));
    expect(lossIn(nest({ x: NaN }))).toBe(`payload${'[0]'.repeat(150)}.x is NaN`);
  });

  test('a value with a toJSON, which is called once', () => {
    let calls = 0;
    const value = {
      toJSON() {
        calls += 1;
        return { calls };
      },
    };
    expect(writeJson('payload', [value])).toBe('[{"calls":1}]');
  });
});
