import { describe, expect, test } from 'vitest';
import { createNamesCheck, createOptionsCheck, required, type OptionRows } from './options.ts';
import { anyValue, flag, func, anyText } from './values.ts';

interface Options {
  readonly concurrency?: unknown;
  readonly maxRetries?: string;
  readonly lease?: boolean;
  readonly report: () => void;
  readonly inner?: Inner;
}
interface Inner {
  readonly ca?: string;
}

const checkInner = createOptionsCheck<Inner>('Inner', { ca: anyText });
const check = createOptionsCheck<Options>('Worker', {
  concurrency: anyValue,
  maxRetries: anyText,
  lease: flag,
  report: required(func),
  inner: (value, name) => void checkInner(value, name),
});
const report = () => {};

const fault = (name: string, message = '') =>
  expect.objectContaining({
    code: 'invalid-value',
    details: expect.objectContaining({ name }),
    message: expect.stringContaining(message),
  });

describe('options', () => {
  class Configuration {
    readonly maxRetries = '3';
    get report() {
      return report;
    }
  }

  test.each<[string, unknown]>([
    ['with some of the names', { maxRetries: '1', report }],
    ['whose others are undefined', { maxRetries: undefined, attempts: undefined, report }],
    ['without a prototype', Object.assign(Object.create(null) as object, { report })],
    ['of a class, with getters', new Configuration()],
    ['that are frozen', Object.freeze({ report })],
  ])('%s are returned as they are', (_, given) => expect(check(given)).toBe(given));

  test.each<[unknown]>([
    [null],
    [undefined],
    [5],
    ['text'],
    [true],
    [10n],
    [Symbol('s')],
    [report],
    [[]],
    [[{ report }]],
    [new Map([['report', report]])],
    [new Set()],
    [new Date()],
    [/x/],
    [Promise.resolve({ report })],
    [new Uint8Array(2)],
    [new Error('x')],
  ])('that are none are refused (case %#)', (given) => {
    expect(() => check(given)).toThrow(fault('options'));
    expect(() => check({ report, inner: given ?? 5 })).toThrow(fault('inner'));
  });

  test('are named by their path', () => {
    expect(() => check({ maxRetries: 3, report })).toThrow(fault('maxRetries', 'found 3'));
    expect(() => check({ report, lease: null })).toThrow(fault('lease', 'found null'));
    expect(() => check({ report, inner: { ca: 5 } })).toThrow(fault('inner.ca'));
    expect(() => check({ report, inner: { cA: 'x' } })).toThrow(fault('inner.cA', 'did you mean "ca"?'));
    expect(() => check({})).toThrow(fault('report', 'found undefined'));
  });

  test('of an unknown name are refused with the likely one', () => {
    expect(() => check({ report, attempts: 3 })).toThrow(
      fault('attempts', 'an unknown option of Worker (did you mean "maxRetries"?)'),
    );
    expect(() => check({ report, whatever: 3 })).toThrow(
      expect.objectContaining({ fix: 'Expected one of concurrency, maxRetries, lease, report, inner.' }),
    );
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty'])
      expect(() => check(JSON.parse(`{ "${name}": 1, "maxRetries": "1" }`))).toThrow(fault(name));
    expect(() => check({ report, 'a\u001b[31m': 1 })).toThrow(fault('"a\\u001b[31m"'));
  });

  test('that cannot be read are refused, and the error keeps why', () => {
    const cause = new Error('do not look');
    const fail = () => {
      throw cause;
    };
    const unreadable = [
      new Proxy({}, { getPrototypeOf: fail }),
      new Proxy({}, { ownKeys: fail }),
      new Proxy({ report }, { get: fail }),
      Object.defineProperty({ report }, 'lease', { get: fail, enumerable: true }),
    ];
    for (const given of unreadable)
      expect(() => check(given)).toThrow(expect.objectContaining({ code: 'invalid-value', cause }));
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    expect(() => check(revoked.proxy)).toThrow(fault('options'));
  });

  test('may be checked by their names alone', () => {
    const names = createNamesCheck<Inner>('enqueue', { ca: true });
    expect(names({ ca: 5 })).toEqual({ ca: 5 });
    expect(() => names({ cA: 5 })).toThrow(fault('cA', 'did you mean "ca"?'));
    expect(() => names(null)).toThrow(fault('options'));
    const cause = new Error('do not look');
    const fail = () => {
      throw cause;
    };
    for (const trap of ['get', 'ownKeys'])
      expect(() => names(new Proxy({}, { [trap]: fail }))).toThrow(
        expect.objectContaining({ code: 'invalid-value', cause }),
      );
    expect(() => names(Object.assign([5], { constructor: Object }))).toThrow(fault('0'));
  });
});

test('a table without a row for each option does not compile', () => {
  // @ts-expect-error the row of `ca` is missing
  const missing: OptionRows<Inner> = {};
  // @ts-expect-error a row for what is no option
  const further: OptionRows<Inner> = { ca: anyText, cert: anyText };
  // @ts-expect-error an option that must be given has a row that says so
  const optional: OptionRows<Pick<Options, 'report'>> = { report: func };
  expect([missing, further, optional]).toHaveLength(3);
});
