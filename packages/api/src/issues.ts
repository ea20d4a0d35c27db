import type * as z from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { limits } from './limits.ts';
import type { Place, ProblemItem } from './problem.ts';
import { fieldsOf, NOT_BUILT_MESSAGE, schemaAt } from './strict.ts';

type Path = readonly PropertyKey[];
type Issue = z.core.$ZodIssue;

const HIDDEN = new Set(['payload', 'payload_text', 'payload_base64', 'headers']);
const MAX_SHOWN_LENGTH = 64;
/** What JSON calls a type, where the schemas have a word of their own. */
const WORDS: Readonly<Record<string, string>> = { int: 'whole number', record: 'object' };

/** JSON pointer (RFC 6901) of a path. */
export function pointerOf(path: Path): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

function valueAt(input: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => {
    const holder = value as Record<PropertyKey, unknown> | null | undefined;
    return typeof holder === 'object' && holder !== null && Object.hasOwn(holder, step)
      ? holder[step]
      : undefined;
  }, input);
}

function withoutSecrets(text: string): string {
  return text.replace(/\/\/[^/?#]*@/, '//***@').replace(/[?#].*$/s, '?…');
}

/** A value as a problem may show it: primitives outside payloads and headers, cut; else null. */
export function gotOf(input: unknown, path: Path): string | null {
  if (path.some((step) => HIDDEN.has(String(step)))) return null;
  const value = valueAt(input, path);
  if (!['string', 'number', 'boolean'].includes(typeof value)) return null;
  const text = path.at(-1) === 'url' ? withoutSecrets(String(value)) : String(value);
  return text.length > MAX_SHOWN_LENGTH ? `${text.slice(0, MAX_SHOWN_LENGTH - 1)}…` : text;
}

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

function messageOf(issue: Issue, missing: boolean): string {
  if (missing) return 'is required';
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    const expected = WORDS[issue.expected] ?? issue.expected;
    return `must be ${/^[aeiou]/.test(expected) ? 'an' : 'a'} ${expected}`;
  }
  if (issue.code === 'invalid_value' && issue.message.startsWith('Invalid'))
    return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'too_big' && issue.message.startsWith('Too')) return `must be at most ${issue.maximum}`;
  if (issue.code === 'too_small' && issue.message.startsWith('Too'))
    return `must be at least ${issue.minimum}`;
  return issue.message;
}

interface Source {
  readonly schema: z.ZodType;
  readonly input: unknown;
  readonly place: Place;
  /** Steps before the paths of this schema, such as `['tasks', 3]`. */
  readonly under: Path;
}

/** One finding; its place is spelled as its kind asks for. */
export function itemAt(
  { place, under }: Pick<Source, 'place' | 'under'>,
  path: Path,
  found: Omit<ProblemItem, Place>,
): ProblemItem {
  const where = place === 'pointer' ? pointerOf([...under, ...path]) : path.join('.');
  return { [place]: where, ...found };
}

function unknownField(source: Source, path: Path, key: string): ProblemItem {
  const { now, later } = fieldsOf(schemaAt(source.schema, path));
  const what = source.place === 'parameter' ? 'parameter' : 'field';
  const near = didYouMean(key, now);
  const found = later.includes(key)
    ? { code: 'not_built_yet', message: NOT_BUILT_MESSAGE }
    : {
        code: `unknown_${what}`,
        message: near === null ? `is not a known ${what}` : `did you mean ${near}?`,
      };
  return itemAt(source, [...path, key], { ...found, got: null });
}

/** A union shows the findings of the branch that came nearest: the one of the right type, else its own words. */
function ofUnion(issue: Issue & { code: 'invalid_union' }, source: Source): ProblemItem[] | null {
  const value = valueAt(source.input, issue.path);
  if (typeof value !== 'object' || value === null) return null;
  const inner = issue.errors.find((branch) =>
    branch.every(({ path, code }) => path.length > 0 || code === 'unrecognized_keys'),
  );
  if (inner === undefined || inner.length === 0) return null;
  return inner.flatMap((one) => ofIssue({ ...one, path: [...issue.path, ...one.path] }, source));
}

function ofIssue(issue: Issue, source: Source): ProblemItem[] {
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => unknownField(source, issue.path, key));
  const inner = issue.code === 'invalid_union' ? ofUnion(issue, source) : null;
  if (inner !== null) return inner;
  const missing = valueAt(source.input, issue.path) === undefined;
  const code = codeOf(issue, missing);
  const message = messageOf(issue, missing);
  return [itemAt(source, issue.path, { code, message, got: gotOf(source.input, issue.path) })];
}

/** What a schema found, as items of `validation-failed`: at most 50. */
export function itemsOf(error: z.core.$ZodError, source: Source): ProblemItem[] {
  return error.issues.flatMap((issue) => ofIssue(issue, source)).slice(0, limits.problemItems);
}
