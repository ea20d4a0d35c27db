import { messageOf, TaskCenterError } from '../errors/task-center-error.ts';
import { decodeJson, encodeGiven } from './payload.ts';
import { insteadOf } from './json-losses.ts';

// A schema sees a payload twice: as it is given, and as JSON gives it back to the handler. A Standard Schema does not say what it
// is made of, so a value that JSON changes is read back and checked once more before it is stored.

/** Deeper values may be cyclic. They are read back. */
const MAX_READ_DEPTH = 100;

type KeysToPart = readonly (string | number)[];

/** A value within another one, and what it is. */
interface JudgedPart {
  readonly keys: KeysToPart;
  readonly kind: string;
}

/** What a value is, as far as JSON can change it: `Date`, `Map`, `list`, `Object`, `string` … */
function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value;
  if (Array.isArray(value)) return 'list';
  // Also of an object of another realm. A class of the caller's own is an `Object`: JSON keeps its properties.
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return ['Number', 'String', 'Boolean'].includes(tag) ? tag.toLowerCase() : tag;
}

const isPlainJson = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && !('toJSON' in value);
};

/** The first part that JSON does not give back as it is; one that it leaves out counts only if there is no other. */
function changedPart(value: unknown, keys: KeysToPart = []): JudgedPart | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number' && Number.isFinite(value)) return undefined;
  const isList = Array.isArray(value);
  if (keys.length >= MAX_READ_DEPTH || typeof value !== 'object' || !(isList || isPlainJson(value)))
    return { keys, kind: kindOf(value) };
  let leftOut: JudgedPart | undefined;
  for (const key of Object.keys(value)) {
    const part = changedPart((value as Record<string, unknown>)[key], [...keys, isList ? Number(key) : key]);
    if (part && part.kind !== 'undefined') return part;
    leftOut ??= part;
  }
  return leftOut;
}

/** Where what is read back is of another kind than what was given. Other differences are the schema's own, such as a random default. */
function differingPart(given: unknown, read: unknown, keys: KeysToPart = []): JudgedPart | undefined {
  const kind = kindOf(given);
  if (kind !== kindOf(read)) return { keys, kind };
  if ((kind !== 'list' && kind !== 'Object') || keys.length >= MAX_READ_DEPTH) return undefined;
  for (const [key, part] of Object.entries(given as object)) {
    if (part === undefined) continue;
    const other = (read as Record<string, unknown>)[key];
    const differing = differingPart(part, other, [...keys, key]);
    if (differing) return differing;
  }
  return undefined;
}

/** How errors call what is not `a` and its kind. */
const NAMES: Readonly<Record<string, string>> = {
  Object: 'an object of a class',
  undefined: 'undefined',
  null: 'null',
};

/** A value that a schema has taken. */
export interface TakenValue {
  /** What errors call it, such as `payload of "report"`. */
  readonly name: string;
  readonly value: unknown;
  /** What the schema made of it. */
  readonly output: unknown;
  /** Has the schema check what was read back. Rejects if it refuses that. */
  check(read: unknown): Promise<unknown>;
}

function refusal({ name }: TakenValue, { keys, kind }: JudgedPart, cause?: unknown): TaskCenterError {
  const found = NAMES[kind] ?? `a ${kind}`;
  const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
  const details = {
    name: keys.length === 0 ? name : `${name} at ${keys.join('.')}`,
    got: `${found}, which JSON does not give back to the schema${why}`,
    expected: `a value that is the same after JSON; write ${insteadOf(kind)} (docs/json.md)`,
  };
  return new TaskCenterError('invalid-value', details, { cause });
}

/**
 * Refuses a value that its schema has taken, but would not take, or take for something else, once JSON has carried it. Others would
 * only fail in the handler, for every task. A value of plain JSON costs no second check.
 *
 * @throws TaskCenterError `invalid-value`, which names the part and what to write instead
 */
export async function checkReadBack(taken: TakenValue): Promise<void> {
  const { name, value, output, check } = taken;
  const changed = value === undefined ? undefined : changedPart(value);
  if (!changed) return;
  const bytes = encodeGiven(name.startsWith('result') ? 'result' : 'payload', value);
  let again: unknown;
  try {
    again = await check(decodeJson(bytes));
  } catch (error) {
    throw refusal(taken, changed, error);
  }
  const differing = differingPart(output, again);
  if (differing) throw refusal(taken, differing);
}
