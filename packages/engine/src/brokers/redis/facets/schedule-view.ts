// Schedules as Go's tools see them: the entries of one scheduler in Asynq's form, and their histories.
import type { EntryRecord, SchedulerEntries } from '../../../broker/scheduler-entries.ts';
import type { ScheduleView, ShownSchedule } from '../../../broker/schedule-view.ts';
import { secondsDown, secondsUp, timestampOf } from '../../../protocol/go-time.ts';
import { SCHEDULE_VIEW, scheduleEntryId } from '../../../protocol/keys.ts';
import { writeOption, type EntryOption } from '../../../protocol/option-strings.ts';
import { encodeSchedulerEnqueueEvent } from '../../../protocol/scheduler-entry.ts';
import type { RedisDeps } from '../deps.ts';
import { schedulerEvents } from '../scripts/scheduler-entries/table.ts';

/** What is not set is left out, as Asynq does. */
function shownOptions(shown: ShownSchedule): string[] {
  const options: EntryOption[] = [
    { name: 'Queue', value: shown.queue },
    { name: 'MaxRetry', value: shown.maxRetries },
  ];
  if (shown.timeoutMs > 0) options.push({ name: 'Timeout', ms: shown.timeoutMs });
  if (shown.retentionMs > 0) options.push({ name: 'Retention', ms: shown.retentionMs });
  if (shown.uniqueMs > 0) options.push({ name: 'Unique', ms: shown.uniqueMs });
  if (shown.group !== null) options.push({ name: 'Group', value: shown.group });
  return options.map(writeOption);
}

const shownEntry = (shown: ShownSchedule): EntryRecord => ({
  id: scheduleEntryId(shown.name),
  spec: shown.spec,
  type: shown.type,
  payload: shown.payload,
  options: shownOptions(shown),
  nextMs: shown.nextMs,
  prevMs: shown.prevMs,
});

/** The view, in the place of one scheduler for all processes. Each call of a script writes one key. */
export function createScheduleView(
  { client }: RedisDeps,
  entries: Pick<SchedulerEntries, 'writeEntries' | 'clearEvents'>,
): ScheduleView {
  return {
    show: (schedules, ttlMs) =>
      entries.writeEntries(SCHEDULE_VIEW, { entries: schedules.map(shownEntry), ttlMs }),
    async showFires(name, { events, ttlMs }) {
      await client.run(schedulerEvents, {
        entryId: scheduleEntryId(name),
        ttlSeconds: secondsUp(ttlMs),
        events: events.map(({ taskId, atMs }) => ({
          seconds: secondsDown(atMs),
          bytes: encodeSchedulerEnqueueEvent({ taskId, enqueueTime: timestampOf(atMs) }),
        })),
      });
    },
    hideFires: (names) => entries.clearEvents(names.map(scheduleEntryId)),
  };
}
