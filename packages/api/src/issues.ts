// Turns what Zod finds into the items of a `validation-failed` problem: our codes and messages, the location in the
// request, and the value that was found, unless it may be secret. See docs/design/http-api.md#errors.

import type * as z from 'zod';
import { didYouMean } from '@task-center/model';
import { limits } from './limits.ts';
import type { ItemLocation, ProblemItem } from './problem.ts';
import { fieldsOf, NOT_BUILT_MESSAGE, schemaAt } from './strict.ts';

/** Where an issue is in the request: names of fields and indexes of lists. */
export type ItemPath = readonly PropertyKey[];

type Issue = z.core.$ZodIssue;

/** Fields whose values never appear in a problem: they may be secret or large. */
const HIDDEN_FIELDS = new Set(['payload', 'payload_text', 'payload_base64', 'headers']);
const MAX_SHOWN_LENGTH = 64;
/** How much of a value is read to show its beginning: as much as a URL may have. */
const MAX_READ_LENGTH = limits.urlBytes;
/** Names of types for people, where Zod's own name is not that of JSON. */
const TYPE_NAMES: Readonly<Record<string, string>> = { int: 'whole number', record: 'object' };

/** The JSON pointer (RFC 6901) of a path. */
export function pointerOf(path: ItemPath): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function valueAt(input: unknown, path: ItemPath): unknown {
  return path.reduce<unknown>((value, step) => {
    const holder = value as Record<PropertyKey, unknown> | null | undefined;
    return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, step)
      ? holder[step]
      : undefined;
  }, input);
}

/** A name or value for people: its first 64 characters. It may have millions. */
const shortened = (text: string): string =>
  text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH - 1)}…` : text;

/** A URL without its login and its query, which may hold secrets. */
function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, '//***@').replace(/[?#].*$/s, '?…');
}

/** A value as a problem may show it: a primitive outside payloads and headers, cut to 64 characters. Otherwise null. */
export function gotOf(input: unknown, path: ItemPath): string | null {
  if (path.some((step) => HIDDEN_FIELDS.has(String(step)))) return null;
  const value = valueAt(input, path);
  if (!['string', 'number', 'boolean'].includes(typeof value)) return null;
  const text = String(value).slice(0, MAX_READ_LENGTH);
  return shortened(path.at(-1) === 'url' ? withoutSecrets(text) : text);
}

/** Our code of an issue. The codes are part of the contract. */
function codeOf(issue: Issue, missing: boolean): string {
  if (issue.message.endsWith(NOT_BUILT_MESSAGE)) return 'not_built_yet';
  if (missing) return 'required';
  switch (issue.code) {
    case 'invalid_type':
      return 'wrong_type';
    case 'too_big':
    case 'too_small': {
      const sized = issue.origin === 'string' || issue.origin === 'array';
      if (!sized) return 'out_of_range';
      return issue.code === 'too_big' ? 'too_long' : 'too_short';
    }
    case 'custom':
      return String(issue.params?.['code'] ?? 'invalid_value');
    case 'unrecognized_keys':
      return 'unknown_field';
    default:
      return 'invalid_value';
  }
}

/** Our message of an issue: the schema's own message if it has one, otherwise one in place of Zod's default text. */
function messageOf(issue: Issue, missing: boolean): string {
  if (missing) return 'is required';
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    const expected = TYPE_NAMES[issue.expected] ?? issue.expected;
    return `must be ${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}`;
  }
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid'))
    return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_big' && issue.message.startsWith('Too')) return `must be at most ${issue.maximum}`;
  if (issue.code === 'too_small' && issue.message.startsWith('Too'))
    return `must be at least ${issue.minimum}`;
  return issue.message;
}

/** The input that was checked, and what describes a location in it. */
interface Source {
  readonly schema: z.ZodType;
  readonly input: unknown;
  readonly location: ItemLocation;
  /** The path of this input in the body, such as `['tasks', 3]` for a task of a batch. */
  readonly basePath: ItemPath;
}

/**
 * One item of a problem. A location in the body is a JSON pointer, in which long names are cut; one elsewhere is the name of
 * a parameter or header.
 */
export function itemAt(
  { location, basePath }: Pick<Source, 'location' | 'basePath'>,
  path: ItemPath,
  details: Omit<ProblemItem, ItemLocation>,
): ProblemItem {
  const steps = [...basePath, ...path].map((step) => shortened(String(step)));
  const where = location === 'pointer' ? pointerOf(steps) : steps.join('.');
  return { [location]: where, ...details };
}

/**
 * A field that the schema does not take. If a later version will take it, or a similar name is known, the item says so.
 */
function unknownField(source: Source, path: ItemPath, key: string): ProblemItem {
  const { known, notBuilt } = fieldsOf(schemaAt(source.schema, path));
  const what = source.location === 'parameter' ? 'parameter' : 'field';
  const near = didYouMean(key, known);
  const details = notBuilt.includes(key)
    ? { code: 'not_built_yet', message: NOT_BUILT_MESSAGE }
    : {
        code: `unknown_${what}`,
        message: near === null ? `is not a known ${what}` : `did you mean ${near}?`,
      };
  return itemAt(source, [...path, key], { ...details, got: null });
}

/**
 * The issues of a union's branch for objects, with which an object is compared. Null = no branch fits, and the union's own
 * message says more.
 */
function issuesOfUnion(issue: Issue & { code: 'invalid_union' }, { input }: Source): Issue[] | null {
  const value = valueAt(input, issue.path);
  if (typeof value !== 'object' || value === null) return null;
  const branchIssues = issue.errors.find((branch) =>
    branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  if (branchIssues === undefined || branchIssues.length === 0) return null;
  return branchIssues.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** The items of an issue, each made when it is asked for: an object may have a thousand unknown fields. */
function* itemsOfIssue(issue: Issue, source: Source): Generator<ProblemItem> {
  if (issue.code === 'unrecognized_keys') {
    for (const key of issue.keys) yield unknownField(source, issue.path, key);
    return;
  }
  const inner = issue.code === 'invalid_union' ? issuesOfUnion(issue, source) : null;
  if (inner !== null) {
    for (const one of inner) yield* itemsOfIssue(one, source);
    return;
  }
  const missing = valueAt(source.input, issue.path) === undefined;
  const code = codeOf(issue, missing);
  const message = messageOf(issue, missing);
  yield itemAt(source, issue.path, { code, message, got: gotOf(source.input, issue.path) });
}

/** The first 50 issues of a schema as items of `validation-failed`. Further ones cost no time. */
export function itemsOf(error: z.core.$ZodError, source: Source): ProblemItem[] {
  const items: ProblemItem[] = [];
  for (const issue of error.issues)
    for (const item of itemsOfIssue(issue, source)) {
      items.push(item);
      if (items.length === limits.problemItems) return items;
    }
  return items;
}
