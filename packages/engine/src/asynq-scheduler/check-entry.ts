import type { Cron, CronOptions } from '@task-center/model';
import {
  checkTaskToEnqueue,
  createPrepareTask,
  type PrepareOptions,
  type TaskToEnqueue,
} from '../client/prepare-task.ts';
import { object } from '../checks/options.ts';
import { checkedCron } from '../task/checked.ts';
import { taskOrDefinition } from '../task/define-task.ts';
import { encodeGiven } from '../task/payload.ts';
import { optionTexts } from './entry-options.ts';

/** An entry that can be registered: when it fires, and what inspectors see of its task, as Asynq publishes it. */
export interface CheckedEntry {
  readonly cron: Cron;
  readonly type: string;
  readonly payload: Uint8Array | null;
  readonly options: readonly string[];
}

/**
 * Creates the check of entries. It prepares the task as a firing will, but for the schema of its definition: an entry whose
 * task could never be enqueued is refused now, and not at its first firing, months later.
 *
 * @throws TaskCenterError `invalid-value`, `payload-too-large`
 */
export function createCheckEntry(schedulerOptions: PrepareOptions & CronOptions) {
  const prepare = createPrepareTask(schedulerOptions);
  return (spec: string, given: TaskToEnqueue): CheckedEntry => {
    object(given, 'task');
    const { task, payload, ...options } = checkTaskToEnqueue(given);
    taskOrDefinition(task, 'task');
    const cron = checkedCron(spec, schedulerOptions);
    const [type, defaults] = typeof task === 'string' ? [task, {}] : [task.type, task.defaults];
    void prepare(type, payload, { ...defaults, ...options });
    const bytes = encodeGiven('payload', payload);
    return {
      cron,
      type,
      payload: bytes && bytes.length > 0 ? bytes : null,
      options: optionTexts(options),
    };
  };
}
