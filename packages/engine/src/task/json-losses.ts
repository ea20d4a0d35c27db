import { types } from 'node:util';

// What JSON would change without a word: docs/json.md has the list. Most payloads are small and plain, and calls are many, so
// a value is first looked through without any help of `JSON.stringify`, which is slow with a function of ours.

/** The end of a search that found nothing, or that cannot tell. Any other end says what was found. */
const FINE = '';
const UNKNOWN = '?';

/** Deeper values are searched slowly: they may be cyclic. */
const MAX_DEPTH = 100;

/** From the value that was found out to the whole. Empty until one is found. */
type KeyPath = (string | number)[];

/** Classes whose content is in no property. */
const WITHOUT_PROPERTIES: readonly (readonly [found: string, isOne: (value: unknown) => boolean])[] = [
  ['a Map', types.isMap],
  ['a Set', types.isSet],
  ['an Error', types.isNativeError],
  ['a Promise', types.isPromise],
  ['a RegExp', types.isRegExp],
  ['bytes, an ArrayBuffer', types.isAnyArrayBuffer],
  ['a WeakMap', types.isWeakMap],
  ['a WeakSet', types.isWeakSet],
];

/** The name of its class. Reading it may throw, as anything of a foreign object may. */
const classNameOf = (value: object): string =>
  String((value.constructor as { name?: unknown } | undefined)?.name);

const hasToJson = (value: unknown): boolean =>
  typeof (value as { toJSON?: unknown } | null | undefined)?.toJSON === 'function';

/** Whether it has no class. The second prototype is that of an object of another realm. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What is lost of an object of a class by itself, whatever its properties are. */
function lossOfInstance(value: object): string {
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : FINE;
  if (ArrayBuffer.isView(value)) return `bytes or numbers, a ${classNameOf(value)}`;
  for (const [found, isOne] of WITHOUT_PROPERTIES) if (isOne(value)) return found;
  if (types.isBoxedPrimitive(value)) return lossOf(value.valueOf());
  // A call whose `await` is missing. Those of libraries often have properties, and JSON would store their inner state.
  if (typeof (value as { then?: unknown }).then === 'function') return 'a Promise';
  return Object.keys(value).length === 0
    ? `an object of class ${classNameOf(value)} without properties`
    : FINE;
}

/** What is lost of a value by itself. `undefined` is judged by where it is. */
function lossOf(value: unknown): string {
  switch (typeof value) {
    case 'number':
      return Number.isFinite(value) ? FINE : String(value);
    case 'bigint':
      return 'a BigInt';
    case 'function':
    case 'symbol':
      return `a ${typeof value}`;
    case 'object':
      return value === null || Array.isArray(value) || isPlain(value) ? FINE : lossOfInstance(value);
    default:
      return FINE;
  }
}

/** Most values; the search calls nothing for them. */
const isSimple = (value: unknown): boolean =>
  typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);

const LOST_ELEMENT = 'undefined in a list';

function searchList(list: readonly unknown[], keys: KeyPath, depth: number): string {
  for (let i = 0; i < list.length; i += 1) {
    const element = list[i];
    if (isSimple(element)) continue;
    const found = element === undefined ? LOST_ELEMENT : search(element, keys, depth);
    if (found === FINE) continue;
    keys.push(i);
    return found;
  }
  return FINE;
}

function searchProperties(value: object, keys: KeyPath, depth: number): string {
  for (const key in value) {
    const property = (value as Record<string, unknown>)[key];
    if (isSimple(property)) continue;
    const found = search(property, keys, depth);
    if (found === FINE) continue;
    // JSON leaves inherited properties out.
    if (!Object.hasOwn(value, key)) return UNKNOWN;
    keys.push(key);
    return found;
  }
  return FINE;
}

function search(value: unknown, keys: KeyPath, depth: number): string {
  if (typeof value !== 'object' || value === null) {
    return typeof value === 'bigint' && hasToJson(value) ? UNKNOWN : lossOf(value);
  }
  if (depth >= MAX_DEPTH) return UNKNOWN;
  if (Array.isArray(value)) return searchList(value, keys, depth + 1);
  if (!hasToJson(value)) {
    const found = isPlain(value) ? FINE : lossOfInstance(value);
    return found === FINE ? searchProperties(value, keys, depth + 1) : found;
  }
  // A Date and bytes have a `toJSON`, which hides what they are.
  return types.isDate(value) || ArrayBuffer.isView(value) ? lossOfInstance(value) : UNKNOWN;
}

/** `items[3].price`, written behind the name of the whole. */
function pathOf(name: string, keys: KeyPath): string {
  const steps = keys.map((key) => {
    if (typeof key === 'number') return `[${key}]`;
    return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
  });
  return name + steps.reverse().join('');
}

/** Thrown for a value that JSON would change. */
export class JsonLoss extends Error {
  override readonly name = 'JsonLoss';
  /** Where it is, such as `payload.items[3].price`. */
  readonly path: string;
  readonly found: string;

  constructor(path: string, found: string, options?: ErrorOptions) {
    super(`${path} is ${found}`, options);
    this.path = path;
    this.found = found;
  }
}

/** Writes a value as JSON while it judges each part after its `toJSON`, which must be called once only. */
function writeSlowly(name: string, value: unknown): string | undefined {
  /** The keys from the whole to an object that was met. */
  const keysTo = new Map<unknown, KeyPath>();
  return JSON.stringify(value, function (this: unknown, key: string, converted: unknown): unknown {
    const outer = keysTo.get(this);
    const isInList = Array.isArray(this);
    const keys = outer === undefined ? [] : [isInList ? Number(key) : key, ...outer];
    const original = (this as Record<string, unknown>)[key];
    const isHidden = types.isDate(original) || ArrayBuffer.isView(original);
    const found =
      isInList && converted === undefined ? LOST_ELEMENT : lossOf(isHidden ? original : converted);
    if (found !== FINE) throw new JsonLoss(pathOf(name, keys), found);
    if (typeof converted === 'object' && converted !== null) keysTo.set(converted, keys);
    return converted;
  });
}

/**
 * Writes a value as JSON; undefined = there is no value.
 *
 * @param name what errors call the whole
 * @throws JsonLoss if JSON cannot express the value, or would change it without a word
 */
export function writeJson(name: string, value: unknown): string | undefined {
  try {
    const keys: KeyPath = [];
    const found = search(value, keys, 0);
    if (found === FINE) return JSON.stringify(value);
    if (found === UNKNOWN) return writeSlowly(name, value);
    throw new JsonLoss(pathOf(name, keys), found);
  } catch (error) {
    if (error instanceof JsonLoss) throw error;
    // A cycle, a `toJSON` or a getter that throws, a text that is too long. Some texts have several lines.
    const [why] = String(error instanceof Error ? error.message : error).split('\n');
    throw new JsonLoss(name, `something that JSON cannot express: ${why}`, { cause: error });
  }
}

/** What to write instead (docs/json.md), by a part of what errors call the value. */
const INSTEAD: readonly (readonly [what: RegExp, instead: string])[] = [
  [/Date/, 'its text, in zod z.iso.datetime(); with z.coerce.date() the handler gets a Date'],
  [/Map/, 'Object.fromEntries(map), in zod z.record(…), or the pairs [...map]'],
  [/Set/, '[...set], in zod z.array(…)'],
  [/BigInt|bigint/, 'String(n), in zod z.string(); with z.coerce.bigint() the handler gets a BigInt'],
  [/Array|Buffer|bytes/, 'base64, in zod z.base64()'],
  [/URL/, 'its text, in zod z.url()'],
  [/undefined|NaN|Infinity/, 'null, in zod z.nullable(…)'],
  [/function|symbol/, 'its name'],
  [/Promise/, 'the value that it resolves to: `await` it'],
];

/** What to write instead of what was found, such as `a Map` or `Date`. */
export function insteadOf(found: string): string {
  return INSTEAD.find(([what]) => what.test(found))?.[1] ?? 'the plain values that it contains';
}
