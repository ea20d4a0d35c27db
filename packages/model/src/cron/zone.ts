// Local times in IANA time zones, by `Intl`, which knows all of them.

/** A local date and time, to the minute. */
export interface LocalTime {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  /** 0 = Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
}

/** Converts wall-clock ms to local time. */
export type Zone = (ms: number) => LocalTime;

const utc: Zone = (ms) => {
  const date = new Date(ms);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    weekday: date.getUTCDay(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
  };
};

/** Null if the zone is unknown. */
function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  const numeric = 'numeric';
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
    });
  } catch {
    return null;
  }
}

/** The zone of an IANA name; null for an unknown name. An offset such as `+02:00` is not a name. */
export function zoneOf(name: string): Zone | null {
  if (name === 'UTC') return utc;
  const format = /^[A-Za-z]/.test(name) ? formatOf(name) : null;
  if (!format) return null;
  return (ms) => {
    const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = (format.format(ms).match(/\d+/g) ?? []).map(
      Number,
    );
    const weekday = new Date(Date.UTC(year, month - 1, day)).getUTCDay();
    return { year, month, day, weekday, hour, minute };
  };
}

/** Whether `zoneOf` knows the zone. */
export const isTimeZone = (name: string): boolean => zoneOf(name) !== null;
