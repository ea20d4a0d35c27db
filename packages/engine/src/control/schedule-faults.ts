/** What is wrong with a schedule that is put, as errors. */
import type { ScheduleFault } from '@task-center/model';
import { shown, TaskCenterError } from '../errors/task-center-error.ts';
import { checkTexts } from '../task/headers.ts';
import type { ScheduleInput } from './schedule-arguments.ts';

/** Most bytes of the tasks of one fire. */
const MAX_FIRE_BYTES = 4_194_304;

/** What the calendar of a schedule must be. */
export const KNOWN_CALENDAR = 'the ID of a calendar that exists';

/** A fault as an error. @param faults at least one */
export function faultError([fault, ...others]: readonly ScheduleFault[]): TaskCenterError {
  const { path, got, expected } = fault ?? { path: [], got: null, expected: 'a schedule' };
  const also = others.length === 0 ? '' : ` (and ${others.length} more that are not valid)`;
  return new TaskCenterError('invalid-value', {
    name: path.length === 0 ? 'The schedule' : path.join('.'),
    got: `${got === null ? 'nothing that fits' : shown(got)}${also}`,
    expected,
  });
}

export const scheduleFault = (path: readonly string[], got: string | null, expected: string) =>
  faultError([{ path, got, expected }]);

/** What the task and the settings must have in common. @throws TaskCenterError `invalid-value`, `payload-too-large` */
export function checkTaskOf({ settings, task }: ScheduleInput): void {
  const { shards, businessId } = settings;
  if ((task.meta.business ?? null) !== businessId)
    throw scheduleFault(['task', 'businessId'], task.meta.business ?? null, 'the business of the schedule');
  if (task.deadlineMs !== 0)
    throw scheduleFault(
      ['task', 'deadline'],
      null,
      'nothing: all fires would share it. A `timeout` limits each attempt',
    );
  if (task.uniqueMs !== 0 && shards > 1)
    throw scheduleFault(
      ['task', 'unique'],
      null,
      'nothing with shards, as all of them have the same payload',
    );
  checkTexts(task);
  const bytes = (task.payload?.length ?? 0) * shards;
  if (bytes > MAX_FIRE_BYTES)
    throw new TaskCenterError('payload-too-large', { got: bytes, limit: MAX_FIRE_BYTES });
}
