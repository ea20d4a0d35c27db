import { asynqRule } from './clock-rules.ts';
import { readCronFields } from './cron-fields.ts';
import { readAsynqInterval } from './interval.ts';
import { isCronFault, type Cron, type CronFault, type CronOptions } from './reading.ts';
import { splitSpec } from './spec-text.ts';
import { readTimes } from './times.ts';
import { readZone } from './zone.ts';

/** Reads what Go's robfig/cron reads, by its rules. */
function readAsynqCron(spec: string, timeZone: string): Cron | CronFault {
  const { zoneName, interval, fields: text } = splitSpec(spec);
  const zone = readZone(zoneName ?? timeZone);
  if (isCronFault(zone)) return zone;
  if (interval !== null) return readAsynqInterval(interval);
  const fields = readCronFields(text, 'asynq', false);
  return isCronFault(fields) ? fields : asynqRule(fields, zone);
}

/**
 * Reads the spec of a scheduler's entry: five fields, a name such as `@daily`, or `@every 90s`. A prefix such as
 * `TZ=Europe/Berlin ` sets the zone. The rules of clock changes are in docs/schedules.md, Go's in
 * docs/design/protocol.md#cron.
 *
 * @returns what is wrong if the schedule or its zone is not valid
 */
export function readCron(spec: string, { timeZone = 'UTC', profile }: CronOptions = {}): Cron | CronFault {
  if (profile === 'asynq') return readAsynqCron(spec, timeZone);
  return readTimes({ cron: spec, dialect: 'asynq', timezone: timeZone });
}
