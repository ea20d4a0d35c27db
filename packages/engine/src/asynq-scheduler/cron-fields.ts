const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Names of the values from `min` on. */
  readonly names: readonly string[];
}

/** What one of the five fields allows. */
export interface CronField {
  readonly values: ReadonlySet<number>;
  /** Has a star: then the other day field alone decides (protocol 6.1). */
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

function valueOf(text: string, { min, max, names }: Bounds): number | null {
  const named = names.indexOf(text.toLowerCase());
  const value = named === -1 ? Number(/^\d{1,4}$/.test(text) ? text : Number.NaN) : named + min;
  return value >= min && value <= max ? value : null;
}

interface Span {
  readonly from: number;
  readonly to: number;
  readonly star: boolean;
}

function spanOf(text: string, bounds: Bounds, stepped: boolean): Span | null {
  if (text === '*' || text === '?') return { from: bounds.min, to: bounds.max, star: true };
  const [first = '', last, ...rest] = text.split('-');
  const from = valueOf(first, bounds);
  if (from === null || rest.length > 0) return null;
  if (last === undefined) return { from, to: stepped ? bounds.max : from, star: false };
  const to = valueOf(last, bounds);
  return to === null || to < from ? null : { from, to, star: false };
}

function fieldOf(text: string, bounds: Bounds): CronField | null {
  const values = new Set<number>();
  let star = false;
  for (const item of text.split(',')) {
    const [range = '', steps, ...rest] = item.split('/');
    const span = spanOf(range, bounds, steps !== undefined);
    const step = Number(steps ?? 1);
    if (!span || rest.length > 0 || !/^\d{1,4}$/.test(steps ?? '1') || step === 0) return null;
    for (let value = span.from; value <= span.to; value += step) values.add(value);
    star ||= span.star && step === 1;
  }
  return { values, star };
}

/** The five fields of a cron text; null if they are not valid (protocol 6.1). */
export function cronFields(text: string): CronFields | null {
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
