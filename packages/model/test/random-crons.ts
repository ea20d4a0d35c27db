// Random cron texts of each dialect, each with what it means in the plainest form. Nothing of ours is used.
import * as fc from 'fast-check';

export type DialectName = 'unix' | 'quartz' | 'asynq';

/** A date as a calendar on a wall shows it. */
interface WallDate {
  readonly month: number;
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Days of the month. */
  readonly days: number;
}

interface Field<Value> {
  readonly text: string;
  matches(value: Value): boolean;
}

type DayFilter = (day: number) => 'off' | 'on' | null;

export interface RandomCron {
  readonly text: string;
  readonly dialect: DialectName;
  readonly hasSeconds: boolean;
  /** Whether its hours are fixed: its hour field does not begin with a star. */
  readonly isFixed: boolean;
  /** Whether a day matches, given by its number since 1970. */
  hasDay(day: number, filter?: DayFilter): boolean;
  /** The seconds of a day that match, in order. */
  readonly seconds: readonly number[];
  /** Whether one of its months can have one of its days of the month. */
  readonly isPossible: boolean;
}

const DAY_MS = 86_400_000;
const NAMES = {
  month: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  weekday: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'],
};

function dateOf(day: number): WallDate {
  const date = new Date(day * DAY_MS);
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()];
  const days = new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
  return { month: month + 1, day: date.getUTCDate(), weekday: date.getUTCDay(), days };
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly names?: readonly string[];
  /** Whether ranges may end below their start. */
  readonly wraps?: boolean;
  /** The last value of a star, if it is not `max`. */
  readonly starMax?: number;
}

const inCase = (text: string, upper: boolean) => (upper ? text.toUpperCase() : text);

/** `5`, `1-5`, `*` with a step, `1-5/2`, `5/10`: none that would be refused because of its step. */
function item({ min, max, names, wraps, starMax = max }: Range): fc.Arbitrary<Field<number>> {
  const value = fc.integer({ min, max });
  const written = fc
    .boolean()
    .map(
      (upper) => (number: number, byName: boolean) =>
        byName && names?.[number] ? inCase(names[number], upper) : String(number),
    );
  const listed = (values: readonly number[], text: string): Field<number> => ({
    text,
    matches: (asked) => values.includes(asked),
  });
  const steps = (from: number, to: number, step: number): number[] => {
    const end = to < from ? to + max - min + 1 : to;
    const values = Array.from({ length: end - from + 1 }, (_, i) => from + i).filter(
      (_, i) => i % step === 0,
    );
    return values.map((number) => (number > max ? number - (max - min + 1) : number));
  };
  const single = fc
    .tuple(value, written, fc.boolean())
    .map(([number, write, byName]) => listed([number], write(number, byName)));
  const range = fc
    .tuple(value, value, fc.integer({ min: 1, max: 7 }), written, fc.boolean())
    .map(([a, b, step, write, byName]) => {
      const [from, to] = wraps || a <= b ? [a, b] : [b, a];
      // At the end of a range of `unix`, the name of Sunday is day 7.
      const text = `${write(from, byName)}-${write(to, byName)}`;
      const isRefused = step === 1 || steps(from, to, 1).length <= step;
      return isRefused ? listed(steps(from, to, 1), text) : listed(steps(from, to, step), `${text}/${step}`);
    });
  const starred = fc
    .integer({ min: 2, max: Math.max(2, starMax - min) })
    .map((step) => listed(steps(min, starMax, step), `*/${step}`));
  const open = fc
    .tuple(fc.integer({ min, max: starMax - 1 }), fc.nat())
    .map(([from, some]) => [from, 1 + (some % (starMax - from))] as const)
    .map(([from, step]) => listed(steps(from, starMax, step), `${from}/${step}`));
  return fc.oneof({ arbitrary: single, weight: 4 }, { arbitrary: range, weight: 2 }, starred, open);
}

const listOf = <Value>(one: fc.Arbitrary<Field<Value>>): fc.Arbitrary<Field<Value>> =>
  fc.array(one, { minLength: 1, maxLength: 3 }).map((items) => ({
    text: items.map(({ text }) => text).join(','),
    matches: (value) => items.some((field) => field.matches(value)),
  }));

const STAR: Field<unknown> = { text: '*', matches: () => true };

const field = (range: Range): fc.Arbitrary<Field<number>> =>
  fc.oneof({ arbitrary: fc.constant(STAR), weight: 2 }, { arbitrary: listOf(item(range)), weight: 3 });

/** The weekday of another day of the same month. */
const weekdayAt = (date: WallDate, day: number) => (((date.weekday + day - date.day) % 7) + 7) % 7;

/** The day from Monday to Friday of the same month that is nearest to a day. */
function nearestWorkday(date: WallDate, day: number): number | undefined {
  if (day < 1 || day > date.days) return undefined;
  const workdays = Array.from({ length: date.days }, (_, i) => i + 1).filter(
    (one) => weekdayAt(date, one) % 6 !== 0,
  );
  return workdays.sort((a, b) => Math.abs(a - day) - Math.abs(b - day))[0];
}

const dayOfMonth = (one: fc.Arbitrary<Field<number>>): fc.Arbitrary<Field<WallDate>> =>
  one.map(({ text, matches }) => ({ text, matches: (date) => matches(date.day) }));
const weekday = (
  one: fc.Arbitrary<Field<number>>,
  sunday: readonly number[],
): fc.Arbitrary<Field<WallDate>> =>
  one.map(({ text, matches }) => ({
    text,
    matches: (date) =>
      date.weekday === 0 ? sunday.some(matches) : matches(date.weekday + (sunday.includes(1) ? 1 : 0)),
  }));

const back = fc.integer({ min: 0, max: 30 });
const quartzDay: fc.Arbitrary<Field<WallDate>> = fc.oneof(
  { arbitrary: dayOfMonth(item({ min: 1, max: 31, wraps: true })), weight: 4 },
  back.map((n) => ({
    text: n === 0 ? 'L' : `L-${n}`,
    matches: ({ day, days }: WallDate) => day === days - n,
  })),
  back.map((n) => ({
    text: n === 0 ? 'LW' : `L-${n}W`,
    matches: (date: WallDate) => date.day === nearestWorkday(date, date.days - n),
  })),
  fc
    .integer({ min: 1, max: 31 })
    .map((n) => ({ text: `${n}W`, matches: (date: WallDate) => date.day === nearestWorkday(date, n) })),
);
const anyWeekday = fc.integer({ min: 0, max: 6 });
const quartzWeekday: fc.Arbitrary<Field<WallDate>> = fc.oneof(
  {
    arbitrary: weekday(item({ min: 1, max: 7, names: ['', ...NAMES.weekday.slice(0, 7)], wraps: true }), [1]),
    weight: 4,
  },
  fc.constant({ text: 'L', matches: (date: WallDate) => date.weekday === 6 }),
  fc.tuple(anyWeekday, fc.boolean()).map(([n, byName]) => ({
    text: `${byName ? NAMES.weekday[n]?.toUpperCase() : n + 1}L`,
    matches: (date: WallDate) => date.weekday === n && date.day + 7 > date.days,
  })),
  fc.tuple(anyWeekday, fc.integer({ min: 1, max: 5 })).map(([n, count]) => ({
    text: `${n + 1}#${count}`,
    matches: (date: WallDate) => date.weekday === n && Math.ceil(date.day / 7) === count,
  })),
);

/** Both day fields, and whether either one is enough. */
interface DayFields {
  readonly day: Field<WallDate>;
  readonly weekday: Field<WallDate>;
  readonly isEither: boolean;
}

const QUESTION_MARK: Field<unknown> = { ...STAR, text: '?' };

function dayFields(dialect: DialectName): fc.Arbitrary<DayFields> {
  if (dialect === 'quartz')
    return fc.oneof(
      listOf(quartzDay).map((day) => ({ day, weekday: QUESTION_MARK, isEither: false })),
      listOf(quartzWeekday).map((one) => ({ day: QUESTION_MARK, weekday: one, isEither: false })),
      fc.constant({ day: STAR, weekday: QUESTION_MARK, isEither: false }),
    );
  const weekdays = dialect === 'unix' ? { min: 0, max: 7, starMax: 6 } : { min: 0, max: 6 };
  return fc
    .tuple(
      dayOfMonth(field({ min: 1, max: 31 })),
      weekday(field({ ...weekdays, names: NAMES.weekday.slice(0, 7) }), dialect === 'unix' ? [0, 7] : [0]),
    )
    .map(([day, one]) => ({ day, weekday: one, isEither: day.text !== '*' && one.text !== '*' }));
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);

/** The seconds of a day that three fields match. */
const secondsOf = (hour: Field<number>, minute: Field<number>, second: Field<number>): number[] =>
  upTo(24)
    .filter((h) => hour.matches(h))
    .flatMap((h) =>
      upTo(60)
        .filter((m) => minute.matches(m))
        .flatMap((m) =>
          upTo(60)
            .filter((s) => second.matches(s))
            .map((s) => h * 3_600 + m * 60 + s),
        ),
    );

const MONTH_DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Monday to Friday of three weeks. What picks single days cannot hold all of them. */
const WORKDAYS = [0, 7, 14].flatMap((first) =>
  [1, 2, 3, 4, 5].map((day) => ({ month: 6, day: first + day, weekday: day, days: 30 })),
);

/** Some texts have seconds; those of `asynq` cannot. Often the hours are those in which clocks are set. */
export function randomCrons(dialect: DialectName): fc.Arbitrary<RandomCron> {
  const zero: Field<number> = { text: '0', matches: (value) => value === 0 };
  const second = fc.oneof(fc.constant(zero), field({ min: 0, max: 59 }));
  const early = fc.integer({ min: 0, max: 4 }).map((hour): Field<number> => ({
    text: String(hour),
    matches: (value) => value === hour,
  }));
  const hour = fc.oneof(field({ min: 0, max: 23, wraps: dialect === 'quartz' }), listOf(early));
  const month = fc.oneof(
    fc.constant(STAR as Field<number>),
    field({ min: 1, max: 12, names: NAMES.month, wraps: dialect === 'quartz' }),
  );
  const hasSeconds = dialect === 'asynq' ? fc.constant(false) : fc.boolean();
  return fc
    .tuple(hasSeconds, second, field({ min: 0, max: 59 }), hour, month, dayFields(dialect))
    .map(([seconds, s, m, h, months, { day, weekday: one, isEither }]) => {
      const [atSecond, first] = seconds ? [s, `${s.text} `] : [zero, ''];
      const holdsWorkdays = WORKDAYS.every((date) => one.matches(date));
      return {
        text: `${first}${m.text} ${h.text} ${day.text} ${months.text} ${one.text}`,
        dialect,
        hasSeconds: seconds,
        isFixed: !h.text.startsWith('*'),
        seconds: secondsOf(h, m, atSecond),
        hasDay(number, filter) {
          const date = dateOf(number);
          const said = filter?.(number);
          const byWeekday = one.matches(date) || (said === 'on' && holdsWorkdays);
          const byDay = day.matches(date);
          return (
            months.matches(date.month) &&
            said !== 'off' &&
            (isEither ? byDay || byWeekday : byDay && byWeekday)
          );
        },
        isPossible: MONTH_DAYS.some(
          (days, i) =>
            months.matches(i + 1) &&
            upTo(days).some((d) => day.matches({ month: i + 1, day: d + 1, weekday: 0, days })),
        ),
      };
    });
}
