// When a schedule fires: reads how it says so, or tells what is wrong with it.
import { SECOND_MS } from '../durations.ts';
import { ownRule } from './clock-rules.ts';
import { readCronFields } from './cron-fields.ts';
import { intervalFault, intervalTimes, momentTimes, readInterval } from './interval.ts';
import { withoutOffDays } from './off-days.ts';
import { isCronFault, type CronFault, type DayFilter, type Dialect, type Times } from './reading.ts';
import { splitSpec } from './spec-text.ts';
import { readZone } from './zone.ts';

/** A cron text: five fields, six with seconds first, a name such as `@daily`, or `@every 10m`. */
export interface CronSpec {
  readonly cron: string;
  readonly dialect: Dialect;
  /** IANA name. */
  readonly timezone: string;
  readonly dayFilter?: DayFilter | undefined;
}

/** An interval: `anchorMs` + n × `everyMs`, n = 0, 1, 2 … */
export interface EverySpec {
  /** Whole seconds. */
  readonly everyMs: number;
  /** The first fire. A part of a second is dropped. */
  readonly anchorMs: number;
  /** The zone of the filter's days. Default `UTC`. */
  readonly timezone?: string | undefined;
  readonly dayFilter?: DayFilter | undefined;
}

/** One moment. A part of a second is rounded up, because nothing fires early. */
export interface AtSpec {
  readonly atMs: number;
}

const zoneFault = (got: string, expected: string): CronFault => ({ field: 'time zone', got, expected });

function readCronSpec({ cron, dialect, timezone, dayFilter }: CronSpec): Times | CronFault {
  const { zoneName, interval, fields: text, isNamed } = splitSpec(cron);
  if (zoneName !== undefined && dialect !== 'asynq')
    return {
      // The text is wrong, whatever zone it names.
      field: null,
      got: zoneName,
      expected: 'a text without a prefix such as "TZ=": the time zone has a field of its own',
    };
  const zone = readZone(zoneName ?? timezone);
  if (isCronFault(zone)) return zone;
  if (interval === null) {
    const fields = readCronFields(text, isNamed ? 'asynq' : dialect);
    return isCronFault(fields) ? fields : ownRule(fields, zone, dayFilter);
  }
  if (zoneName !== undefined)
    return zoneFault(zoneName, 'no time zone, as an interval does not follow a local clock');
  const everyMs = readInterval(interval, dialect);
  if (typeof everyMs !== 'number') return everyMs;
  // Like those of `Scheduler`, it does not depend on when it was made: its fires are the multiples since 1970.
  return withoutOffDays(intervalTimes(everyMs, 0), zone, dayFilter);
}

function readEvery({ everyMs, anchorMs, timezone = 'UTC', dayFilter }: EverySpec): Times | CronFault {
  const zone = readZone(timezone);
  if (isCronFault(zone)) return zone;
  return (
    intervalFault(everyMs, `${everyMs} ms`) ??
    withoutOffDays(intervalTimes(everyMs, anchorMs), zone, dayFilter)
  );
}

/** Reads when a schedule fires. @returns what is wrong if it is not valid, or can never fire */
export function readTimes(spec: CronSpec | EverySpec | AtSpec): Times | CronFault {
  if ('cron' in spec) return readCronSpec(spec);
  return 'atMs' in spec ? momentTimes(Math.ceil(spec.atMs / SECOND_MS) * SECOND_MS) : readEvery(spec);
}
