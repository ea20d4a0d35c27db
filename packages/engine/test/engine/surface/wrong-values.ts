import { revokedProxy, throwingProxy } from '../misuse/setting.ts';

interface WrongValue {
  readonly value: unknown;
  /** Its type, as text: which arguments take the value is decided by the compiler. Null = no argument does. */
  readonly type: string | null;
}

/** What callers in JavaScript may pass by mistake, each under its name. */
export const WRONG_VALUES = {
  undefined: { value: undefined, type: 'undefined' },
  null: { value: null, type: 'null' },
  'a number': { value: 7, type: 'number' },
  NaN: { value: Number.NaN, type: null },
  'a text': { value: 'no such thing', type: "'no such thing'" },
  true: { value: true, type: 'true' },
  'a symbol': { value: Symbol('no such thing'), type: 'symbol' },
  'a function': { value: () => undefined, type: '() => never' },
  'a list': { value: [undefined], type: 'undefined[]' },
  'a promise': { value: Promise.resolve(undefined), type: 'Promise<undefined>' },
  'an invalid date': { value: new Date(Number.NaN), type: null },
  'a Map': { value: new Map([['no', 'such thing']]), type: 'Map<string, string>' },
  'an object of unknown names': { value: { noSuchName: 1 }, type: '{ noSuchName: number }' },
  'a revoked proxy': { value: revokedProxy(), type: null },
  'a proxy that throws': { value: throwingProxy(), type: null },
} as const satisfies Record<string, WrongValue>;

export type WrongKind = keyof typeof WRONG_VALUES;
export const WRONG_KINDS = Object.keys(WRONG_VALUES) as WrongKind[];
