// How the dialects of cron differ: docs/schedules.md#dialects.
import { readDayPick, readWeekdayPick, type DayPick } from './day-picks.ts';
import type { Dialect } from './reading.ts';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

/** In the order in which they are written. */
export const FIELD_KEYS = ['second', 'minute', 'hour', 'day', 'month', 'weekday'] as const;
export type FieldKey = (typeof FIELD_KEYS)[number];

/** One of the fields. */
export interface CronField {
  /** The values at which it fires. Weekdays are counted from Sunday, which is 0. */
  readonly values: ReadonlySet<number>;
  /** What picks single days besides. */
  readonly picks: readonly DayPick[];
  /** Whether it has a star. If neither day field has one, a day matches when either field allows it; otherwise both must. */
  readonly star: boolean;
  /** Whether its text begins with `*` or `?`, with or without a step. */
  readonly beginsWithStar: boolean;
}

export type CronFields = { readonly [K in FieldKey]: CronField };

/** What a field may contain. */
export interface FieldKind {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** How many values there are. Less than `max` - `min` + 1 if two numbers mean the same. */
  readonly size: number;
  /** Names of the values, the first one of `min`. */
  readonly names: readonly string[];
  /** What else an error says about the field. */
  readonly hint: string;
  /** What picks single days, if the dialect has it; null = the text is something else. */
  readonly pick?: (text: string) => DayPick | null;
}

const kindOf = (name: string, min: number, max: number): FieldKind => {
  return { name, min, max, size: max - min + 1, names: [], hint: '' };
};

const KINDS: { readonly [K in FieldKey]: FieldKind } = {
  second: kindOf('second', 0, 59),
  minute: kindOf('minute', 0, 59),
  hour: kindOf('hour', 0, 23),
  day: kindOf('day of month', 1, 31),
  month: { ...kindOf('month', 1, 12), names: MONTHS },
  weekday: { ...kindOf('day of week', 0, 6), names: DAYS, hint: '; Sunday is 0' },
};

const numberOf = (text: string): number => (/^\+?\d+$/.test(text) ? Number(text) : Number.NaN);

/** A number or a name; NaN if it is not valid. */
export function valueOf(text: string, { min, max, names }: FieldKind): number {
  const nameIndex = names.indexOf(text.toLowerCase());
  const value = nameIndex === -1 ? numberOf(text) : nameIndex + min;
  return value >= min && value <= max ? value : Number.NaN;
}

const QUARTZ_WEEKDAY: FieldKind = { ...KINDS.weekday, min: 1, max: 7 };

export interface DialectRules {
  readonly kinds: { readonly [K in FieldKey]: FieldKind };
  /** Whether there may be six fields, seconds first. */
  readonly hasSeconds: boolean;
  /** What `?` is: the same as a star, the day field that the other one decides for, or nothing. */
  readonly questionMark: 'star' | 'other-day' | null;
  /** Whether a range may end below its start: `22-2`. */
  readonly wraps: boolean;
  /** A text with five fields. */
  readonly example: string;
}

export const DIALECTS: { readonly [D in Dialect]: DialectRules } = {
  asynq: { kinds: KINDS, hasSeconds: false, questionMark: 'star', wraps: false, example: '30 8 * * mon-fri' },
  unix: {
    kinds: { ...KINDS, weekday: { ...KINDS.weekday, max: 7, hint: '; Sunday is 0 or 7' } },
    hasSeconds: true,
    questionMark: null,
    wraps: false,
    example: '30 8 * * mon-fri',
  },
  quartz: {
    kinds: {
      ...KINDS,
      day: { ...KINDS.day, pick: readDayPick, hint: ', "?", "L", "L-3", "LW" or "15W"' },
      weekday: {
        ...QUARTZ_WEEKDAY,
        pick: (text) => readWeekdayPick(text, (day) => valueOf(day, QUARTZ_WEEKDAY) - 1),
        hint: ', "?", "6L" (the last Friday) or "6#3" (the third); Sunday is 1',
      },
    },
    hasSeconds: true,
    questionMark: 'other-day',
    wraps: true,
    example: '30 8 ? * mon-fri',
  },
};

/** The value that is kept: of weekdays 0 for Sunday, in each dialect. */
export function storedValue(value: number, { min, max, size, names }: FieldKind): number {
  const inRange = value > max ? value - size : value;
  return names === DAYS ? (inRange - min) % size : inRange;
}

/** What a field may be, in words. */
export function expectedOf({ min, max, names, hint }: FieldKind): string {
  const byName = names.length > 0 ? `, or ${names[0]} to ${names.at(-1)}` : '';
  return `values from ${min} to ${max}${byName}${hint}`;
}

/** Marks of days that only Quartz has. */
const MARK = /[?#]|(?<![a-z])(?:LW|[LW])(?![a-z])/i;

/** What to write instead of a mark that a field of this dialect does not have, in words; null if there is no such mark. */
export function strangeMark(text: string, kind: FieldKind, dialect: Dialect): string | null {
  if (dialect === 'asynq') return null;
  const unnamed = kind.names.length > 0 ? text.replace(new RegExp(kind.names.join('|'), 'gi'), ' ') : text;
  const mark = MARK.exec(unnamed)?.[0].toUpperCase();
  if (mark === undefined) return null;
  if (dialect === 'quartz')
    return kind.pick ? expectedOf(kind) : `${expectedOf(kind)}; "${mark}" is only for the two fields of days`;
  return mark === '?'
    ? '"*" for any value; only the dialect "quartz" has "?"'
    : `${expectedOf(kind)}; only the dialect "quartz" has "${mark}"`;
}
