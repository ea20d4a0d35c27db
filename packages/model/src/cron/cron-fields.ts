// The five fields of a cron text, as Go's robfig/cron reads them. See docs/design/protocol.md#cron.

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Bounds {
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
}

export interface CronFields {
  readonly minute: CronField;
  readonly hour: CronField;
  readonly day: CronField;
  readonly month: CronField;
  readonly weekday: CronField;
}

const BOUNDS: { readonly [K in keyof CronFields]: Bounds } = {
  minute: { min: 0, max: 59, names: [] },
  hour: { min: 0, max: 23, names: [] },
  day: { min: 1, max: 31, names: [] },
  month: { min: 1, max: 12, names: MONTHS },
  weekday: { min: 0, max: 6, names: DAYS },
};

/** A number or a name; null if it is not valid. */
function valueOf(text: string, { min, max, names }: Bounds): number | null {
  const nameIndex = names.indexOf(text.toLowerCase());
  const value = nameIndex === -1 ? Number(/^\d{1,4}$/.test(text) ? text : Number.NaN) : nameIndex + min;
  return value >= min && value <= max ? value : null;
}

/** The values from `from` to `to`, both included. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly star: boolean;
}

/** `*`, `5` or `1-5`; null if it is not valid. With a step, `5` means from 5 to the end. */
function rangeOf(text: string, bounds: Bounds, hasStep: boolean): Range | null {
  if (text === '*' || text === '?') return { from: bounds.min, to: bounds.max, star: true };
  const [first = '', last, ...excess] = text.split('-');
  const from = valueOf(first, bounds);
  if (from === null || excess.length > 0) return null;
  if (last === undefined) return { from, to: hasStep ? bounds.max : from, star: false };
  const to = valueOf(last, bounds);
  return to === null || to < from ? null : { from, to, star: false };
}

/** A list such as `1-5,10,30/5`; null if it is not valid. A star with a step above 1 does not count as one. */
function fieldOf(text: string, bounds: Bounds): CronField | null {
  const values = new Set<number>();
  let star = false;
  for (const item of text.split(',')) {
    const [rangeText = '', stepText, ...excess] = item.split('/');
    const range = rangeOf(rangeText, bounds, stepText !== undefined);
    const step = Number(stepText ?? 1);
    if (!range || excess.length > 0 || !/^\d{1,4}$/.test(stepText ?? '1') || step === 0) return null;
    for (let value = range.from; value <= range.to; value += step) values.add(value);
    star ||= range.star && step === 1;
  }
  return { values, star };
}

/** Reads the five fields of a cron text; null if they are not valid. */
export function parseCronFields(text: string): CronFields | null {
  const texts = text.split(/\s+/);
  if (texts.length !== 5) return null;
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = texts;
  const fields = {
    minute: fieldOf(minute, BOUNDS.minute),
    hour: fieldOf(hour, BOUNDS.hour),
    day: fieldOf(day, BOUNDS.day),
    month: fieldOf(month, BOUNDS.month),
    weekday: fieldOf(weekday, BOUNDS.weekday),
  };
  return Object.values(fields).includes(null) ? null : (fields as CronFields);
}
