import { asynqRule, ownRule } from './clock-rules.ts';
import { readCronFields } from './cron-fields.ts';
import { readAsynqInterval, readInterval } from './interval.ts';
import { isCronFault, type Cron, type CronFault, type CronOptions } from './reading.ts';
import { zoneOf } from './zone.ts';

const SPEC_BY_NAME: Readonly<Record<string, string>> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const EVERY = '@every ';

const zoneFault = (got: string, expected: string): CronFault => ({ field: 'time zone', got, expected });

/**
 * Reads a schedule: five fields, a name such as `@daily`, or `@every 90s`. A prefix such as `TZ=Europe/Berlin ` sets the
 * zone. The rules of clock changes are in docs/schedules.md, Go's in docs/design/protocol.md#cron.
 *
 * @returns what is wrong if the schedule or its zone is not valid
 */
export function readCron(spec: string, { timeZone = 'UTC', profile }: CronOptions = {}): Cron | CronFault {
  const isAsynq = profile === 'asynq';
  const [, zoneName, unprefixed = spec] = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(spec) ?? [];
  const zone = zoneOf(zoneName ?? timeZone);
  if (!zone) return zoneFault(zoneName ?? timeZone, 'a name such as "Europe/Berlin"');
  const text = unprefixed.trim();
  if (text.startsWith(EVERY)) {
    const interval = text.slice(EVERY.length);
    if (isAsynq) return readAsynqInterval(interval);
    if (zoneName === undefined) return readInterval(interval);
    return zoneFault(zoneName, 'no time zone, as an interval does not follow a local clock');
  }
  const named = Object.hasOwn(SPEC_BY_NAME, text) ? (SPEC_BY_NAME[text] ?? '') : text;
  const fields = readCronFields(named, !isAsynq);
  if (isCronFault(fields)) return fields;
  const rule = isAsynq ? asynqRule : ownRule;
  return { next: (afterMs) => rule(fields, zone, afterMs) };
}
