// What Go's tools see of a schedule.
import { goDuration, type ScheduleSpec } from '@task-center/model';
import type { ScheduleRecord } from '../broker/schedule-records.ts';
import type { ShownSchedule } from '../broker/schedule-view.ts';
import { scheduledPayload } from './fire-tasks.ts';

/** A longer payload is not shown: a thousand schedules have room in memory, and their payloads on a screen. */
const MAX_SHOWN_BYTES = 4_096;

/** When it fires, in the words of Asynq. It has none for a single moment, nor for an interval from the end. */
function timesText({ times, timezone }: ScheduleSpec): string {
  switch (times.kind) {
    case 'every':
      return `@every ${goDuration(times.everyMs)}`;
    case 'at':
      return `@at ${new Date(times.atMs).toISOString()}`;
    case 'cron': {
      const hasNoZone = timezone === 'UTC' || times.cron.startsWith('@every');
      return hasNoZone ? times.cron : `CRON_TZ=${timezone} ${times.cron}`;
    }
  }
}

function shownPayload({ task }: ScheduleSpec): Uint8Array | null {
  const bytes = scheduledPayload(task);
  return bytes === null || bytes.length === 0 || bytes.length > MAX_SHOWN_BYTES ? null : bytes;
}

/** Null = it will not fire, or cannot be read: the firer tells that. */
export function shownSchedule(record: ScheduleRecord): ShownSchedule | null {
  const { name, nextFireMs, lastFireMs, runs } = record;
  if (nextFireMs === null) return null;
  try {
    const spec = JSON.parse(record.spec) as ScheduleSpec;
    const { maxRetries, timeoutMs, retentionMs, uniqueMs, group } = spec.task;
    return {
      name,
      spec: timesText(spec),
      queue: record.queue,
      // One that no protocol can carry would hide all others.
      type: spec.task.type.toWellFormed(),
      payload: shownPayload(spec),
      maxRetries,
      timeoutMs,
      retentionMs,
      uniqueMs,
      group: group && group.toWellFormed(),
      nextMs: nextFireMs,
      prevMs: runs === 0 ? null : lastFireMs,
    };
  } catch {
    return null;
  }
}
