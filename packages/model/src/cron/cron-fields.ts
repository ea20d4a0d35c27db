// The fields of a cron text. The asynq dialect is that of Go's robfig/cron: docs/design/protocol.md#cron.
import type { DayPick } from './day-picks.ts';
import { daysOfMonth } from './days-of-month.ts';
import {
  DIALECTS,
  expectedOf,
  FIELD_KEYS,
  storedValue,
  strangeMark,
  valueOf,
  type CronField,
  type CronFields,
  type DialectRules,
  type FieldKey,
  type FieldKind,
} from './dialects.ts';
import { nextDay } from './local-times.ts';
import type { CronFault, Dialect } from './reading.ts';

/** What was expected instead of an item, in words. */
type Expected = string;

/** An item of a list: the values from `from` to `to`, both included. */
interface Item {
  readonly from: number;
  /** Above the values that there are where the range goes on at the start: in Quartz, `22-2` are the hours 22 to 26. */
  readonly to: number;
  readonly step: number;
  readonly star: boolean;
}

/** How a field is read. */
interface FieldRules {
  readonly kind: FieldKind;
  readonly dialect: Dialect;
  readonly rules: DialectRules;
  readonly isStrict: boolean;
}

/** `*`, `5` or `1-5`, each with or without a step. With a step, `5` means from 5 to the end. */
function itemOf(text: string, { kind, rules }: FieldRules): Item | Expected {
  const [range = '', stepText = '1', ...moreSteps] = text.split('/');
  const [first = '', last, ...moreEnds] = range.split('-');
  const hasStep = text.includes('/');
  const step = /^\+?\d+$/.test(stepText) ? Number(stepText) : 0;
  const lastValue = kind.min + kind.size - 1;
  if (moreSteps.length > 0 || step < 1) return 'a step of at least 1, once per item';
  // As in Go, what follows a star does not count.
  if (first === '*' || (first === '?' && rules.questionMark === 'star'))
    return { from: kind.min, to: lastValue, step, star: true };
  const from = valueOf(first, kind);
  const open = hasStep ? Math.max(from, lastValue) : from;
  const to = last === undefined ? open : valueOf(last, kind);
  if (moreEnds.length > 0 || Number.isNaN(from) || Number.isNaN(to)) return expectedOf(kind);
  if (to >= from) return { from, to, step, star: false };
  // The Sunday at the end of `fri-sun` is day 7.
  const goesOn = rules.wraps || to + kind.size <= kind.max;
  return goesOn
    ? { from, to: to + kind.size, step, star: false }
    : 'a range whose end is not below its start';
}

/** What is refused besides: an item that Go reads, but that does not do what it says. */
function unfulfilled(text: string, item: Item, kind: FieldKind): Expected | null {
  if (item.star && !/^[*?](\/|$)/.test(text)) return 'a star, or a range between two values';
  if (!text.includes('/') || item.step === 1 || item.from + item.step <= item.to) return null;
  return `a step that reaches a second value: ${kind.name} has ${item.from} to ${item.to} here, and fires at ${item.from} only`;
}

/** A list such as `1-5,10,30/5`. A star with a step above 1 does not count as one. */
function listOf(text: string, how: FieldRules): CronField | Expected {
  const { kind, dialect, isStrict } = how;
  const values = new Set<number>();
  const picks: DayPick[] = [];
  let star = false;
  for (const itemText of text.split(',')) {
    // Go skips empty items.
    if (itemText === '' && !isStrict) continue;
    const pick = kind.pick?.(itemText);
    if (pick) {
      picks.push(pick);
      continue;
    }
    const item = itemOf(itemText, how);
    if (typeof item === 'string') return strangeMark(itemText, kind, dialect) ?? item;
    const fault = isStrict ? unfulfilled(itemText, item, kind) : null;
    if (fault) return fault;
    for (let value = item.from; value <= item.to; value += item.step) values.add(storedValue(value, kind));
    star ||= item.star && item.step === 1;
  }
  return { values, picks, star, beginsWithStar: /^[*?]/.test(text) };
}

function fieldOf(text: string, how: FieldRules): CronField | Expected {
  const { kind, rules } = how;
  // Quartz: the other day field decides alone. Its `L` is the last day of the week, Saturday.
  if (rules.questionMark === 'other-day' && kind.pick) {
    if (text === '?') return listOf('*', how);
    if (kind.name === 'day of week') return listOf(text.replaceAll(/(?<=^|,)L(?=,|$)/gi, '7'), how);
  }
  return listOf(text, how);
}

/** From 1970 on, the calendar is searched for a day this far: it repeats after 400 years. */
const LAST_YEAR = 2_370;

/** Days of the longest month of each number. */
const DAYS_OF_MONTH = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Whether one of the months has one of the days. The rule of the two day fields may make up for it, but was not meant. */
function hasMonthDay({ day, month }: CronFields): boolean {
  const first = Math.min(...day.values);
  return [...month.values].some((number) => first <= (DAYS_OF_MONTH[number - 1] ?? 0));
}

/** What is wrong with a field: its kind's name, its text, and what it may be. */
const faultOf = (kind: FieldKind, got: string, expected: string): CronFault => ({
  field: kind.name,
  got,
  expected,
});

/** In Quartz one of the two day fields is `?`, and only one. */
function questionMarkFault([, , , day = '', , weekday = '']: readonly string[]): CronFault | null {
  const { kinds } = DIALECTS.quartz;
  if (day === '?' && weekday === '?')
    return faultOf(kinds.day, day, '"*" for each day, as the day of week is "?", too');
  if (day === '?' || weekday === '?') return null;
  return day === '*' && weekday !== '*'
    ? faultOf(kinds.day, day, '"?", as the day of week decides')
    : faultOf(kinds.weekday, weekday, '"?", as the day of month decides');
}

/** A day that never comes, although each field is valid: `0 0 31 2 *`, `0 0 30 2 ?`. */
function dayFault(fields: CronFields, texts: readonly string[], dialect: Dialect): CronFault | null {
  const { kinds } = DIALECTS[dialect];
  const expected = 'a day that one of its months has';
  if (dialect !== 'quartz') return hasMonthDay(fields) ? null : faultOf(kinds.day, texts[3] ?? '', expected);
  const fault = questionMarkFault(texts);
  if (fault || nextDay(daysOfMonth(fields), 0, LAST_YEAR) !== null) return fault;
  const [key, index] = texts[3] === '?' ? (['weekday', 5] as const) : (['day', 3] as const);
  return faultOf(kinds[key], texts[index] ?? '', expected);
}

/** A year in the place of the seventh field or, as the last one of six, in that of the day of week. */
function yearFault(texts: readonly string[]): CronFault | null {
  const last = texts.at(-1) ?? '';
  if (texts.length !== 7 && !(texts.length === 6 && /^\d{4}(?!\d)/.test(last))) return null;
  return {
    field: 'year',
    got: last,
    expected: 'no year: a schedule begins at "starts_at" and ends at "ends_at"',
  };
}

/** Lists of all values of two fields fit in. A text that picks days without end would take long to search. */
const MAX_CRON_LENGTH = 500;

/** The texts of the six fields. */
function textsOf(text: string, dialect: Dialect): readonly string[] | CronFault {
  const { hasSeconds, example } = DIALECTS[dialect];
  if (hasSeconds && text.length > MAX_CRON_LENGTH)
    return { field: null, got: `${text.slice(0, 50)}…`, expected: `at most ${MAX_CRON_LENGTH} characters` };
  const texts = text.split(/\s+/);
  if (texts.length === 5) return ['0', ...texts];
  if (!hasSeconds) return { field: null, got: text, expected: null };
  const expected = `five fields such as "${example}", six with seconds first, a name such as "@daily", or "@every 10m"`;
  return yearFault(texts) ?? (texts.length === 6 ? texts : { field: null, got: text, expected });
}

/**
 * Reads the fields of a cron text.
 *
 * @param isStrict refuses what Go reads, but what never fires or does not do what it says
 */
export function readCronFields(text: string, dialect: Dialect, isStrict = true): CronFields | CronFault {
  const texts = textsOf(text, dialect);
  if ('expected' in texts) return texts;
  const rules = DIALECTS[dialect];
  const fields: Partial<Record<FieldKey, CronField>> = {};
  for (const [index, key] of FIELD_KEYS.entries()) {
    const [kind, got = ''] = [rules.kinds[key], texts[index]];
    const field = fieldOf(got, { kind, dialect, rules, isStrict });
    if (typeof field === 'string') return faultOf(kind, got, field);
    fields[key] = field;
  }
  const read = fields as CronFields;
  return (isStrict ? dayFault(read, texts, dialect) : null) ?? read;
}
