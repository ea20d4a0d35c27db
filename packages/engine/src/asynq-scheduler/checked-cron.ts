import { isTimeZone, parseCron, type Cron } from '@task-center/model';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';

const EXPECTED =
  'five fields such as `*/5 8-17 * * mon-fri`, a name such as `@daily`, or `@every 90s`; `TZ=<zone> ` in front sets the time zone';

/**
 * Reads a schedule with `parseCron`.
 *
 * @param timeZone IANA name of the zone for specs without a prefix
 * @throws TaskCenterError `invalid-value`
 */
export function checkedCron(spec: string, timeZone = 'UTC'): Cron {
  const cron = parseCron(spec, timeZone);
  if (cron) return cron;
  const got = isTimeZone(timeZone) ? shown(spec) : `${shown(spec)} in the zone ${shown(timeZone)}`;
  throw new TaskCenterError('invalid-value', { name: 'The schedule', got, expected: EXPECTED });
}
