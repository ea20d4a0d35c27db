// What to write instead of a value that JSON cannot carry: docs/json.md#refused-because-json-would-change-it-silently.

/** By a part of what errors call the value. */
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
