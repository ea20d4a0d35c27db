// The five fields of a cron text, as Go's robfig/cron reads them. See docs/design/protocol.md#cron.
import type { CronFault } from './reading.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** What a field may contain. */
interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Names of the values, the first one of `min`. */
  readonly names: readonly string[];
}

/** One of the five fields. */
export interface CronField {
  /** The values at which it fires. */
  readonly values: ReadonlySet<number>;
  /** Whether it has a star. If neither day field has one, a day matches when either field allows it; otherwise both must. */
  readonly star: boolean;
  /** Whether its text begins with `*` or `?`, with or without a step. */
  readonly beginsWithStar: boolean;
}

export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly day: CronField;
  readonly month: CronField;
  readonly weekday: CronField;
}

const KINDS: { readonly [K in keyof CronFields]: FieldKind } = {
  minute: { name: 'minute', min: 0, max: 59, names: [] },
  hour: { name: 'hour', min: 0, max: 23, names: [] },
  day: { name: 'day of month', min: 1, max: 31, names: [] },
  month: { name: 'month', min: 1, max: 12, names: MONTHS },
  weekday: { name: 'day of week', min: 0, max: 6, names: DAYS },
};

/** What was expected instead of an item, in words. */
type Expected = string;

function expectedOf({ min, max, names }: FieldKind): Expected {
  const byName = names.length > 0 ? `, or ${names[0]} to ${names.at(-1)}` : '';
  return `values from ${min} to ${max}${byName}${names === DAYS ? '; Sunday is 0' : ''}`;
}

const numberOf = (text: string): number => (/^\+?\d+$/.test(text) ? Number(text) : Number.NaN);

/** A number or a name; NaN if it is not valid. */
function valueOf(text: string, { min, max, names }: FieldKind): number {
  const nameIndex = names.indexOf(text.toLowerCase());
  const value = nameIndex === -1 ? numberOf(text) : nameIndex + min;
  return value >= min && value <= max ? value : Number.NaN;
}

/** An item of a list: the values from `from` to `to`, both included. */
interface Item {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly star: boolean;
}

/** `*`, `5` or `1-5`, each with or without a step. With a step, `5` means from 5 to the end. */
function itemOf(text: string, kind: FieldKind): Item | Expected {
  const [range = '', stepText = '1', ...moreSteps] = text.split('/');
  const [first = '', last, ...moreEnds] = range.split('-');
  const hasStep = text.includes('/');
  const step = numberOf(stepText);
  if (moreSteps.length > 0 || !(step >= 1)) return 'a step of at least 1, once per item';
  // As in Go, what follows a star does not count.
  if (first === '*' || first === '?') return { from: kind.min, to: kind.max, step, star: true };
  const from = valueOf(first, kind);
  const open = hasStep ? kind.max : from;
  const to = last === undefined ? open : valueOf(last, kind);
  if (moreEnds.length > 0 || Number.isNaN(from) || Number.isNaN(to)) return expectedOf(kind);
  return to < from ? 'a range whose end is not below its start' : { from, to, step, star: false };
}

/** What our profile refuses besides: an item that Go reads, but that does not do what it says. */
function unfulfilled(text: string, item: Item, kind: FieldKind): Expected | null {
  if (item.star && !/^[*?](\/|$)/.test(text)) return 'a star, or a range between two values';
  if (!text.includes('/') || item.step === 1 || item.from + item.step <= item.to) return null;
  return `a step that reaches a second value: ${kind.name} has ${item.from} to ${item.to} here, and fires at ${item.from} only`;
}

/** A list such as `1-5,10,30/5`. A star with a step above 1 does not count as one. */
function fieldOf(text: string, kind: FieldKind, isStrict: boolean): CronField | Expected {
  const values = new Set<number>();
  let star = false;
  for (const itemText of text.split(',')) {
    // Go skips empty items.
    if (itemText === '' && !isStrict) continue;
    const item = itemOf(itemText, kind);
    if (typeof item === 'string') return item;
    const fault = isStrict ? unfulfilled(itemText, item, kind) : null;
    if (fault) return fault;
    for (let value = item.from; value <= item.to; value += item.step) values.add(value);
    star ||= item.star && item.step === 1;
  }
  return { values, star, beginsWithStar: /^[*?]/.test(text) };
}

/** Days of the longest month of each number. */
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether one of the months has one of the days. The rule of the two day fields may make up for it, but was not meant. */
function hasDay({ day, month }: CronFields): boolean {
  const first = Math.min(...day.values);
  return [...month.values].some((number) => first <= (DAYS_OF_MONTH[number - 1] ?? 0));
}

/**
 * Reads the five fields of a cron text.
 *
 * @param isStrict refuses what Go reads, but what never fires or does not do what it says
 */
export function readCronFields(text: string, isStrict: boolean): CronFields | CronFault {
  const texts = text.split(/\s+/);
  if (texts.length !== 5) return { field: null, got: text, expected: null };
  const fields: Partial<Record<keyof CronFields, CronField>> = {};
  for (const [index, key] of (Object.keys(KINDS) as (keyof CronFields)[]).entries()) {
    const [kind, got = ''] = [KINDS[key], texts[index]];
    const field = fieldOf(got, kind, isStrict);
    if (typeof field === 'string') return { field: kind.name, got, expected: field };
    fields[key] = field;
  }
  const read = fields as CronFields;
  if (!isStrict || hasDay(read)) return read;
  return { field: KINDS.day.name, got: texts[2] ?? '', expected: 'a day that one of its months has' };
}
