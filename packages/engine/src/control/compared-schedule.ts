/** What counts as a change of a schedule. */
import { skipsLeftOf, type ScheduledTask } from '@task-center/model';
import type { NewTask } from '../broker/submit.ts';
import { scheduledTask } from '../firer/fire-tasks.ts';
import type { FoundSchedule } from './schedule-info.ts';

/** As JSON keeps it, without what each fire has of its own. */
export function storedTask(task: NewTask): ScheduledTask {
  const { createdMs: _created, origin: _origin, ...meta } = task.meta;
  return JSON.parse(JSON.stringify(scheduledTask({ ...task, meta }))) as ScheduledTask;
}

/** A task without who put it: the same from another key is no change, or two people who apply a file would take turns. */
export function withoutMaker({ meta, ...task }: ScheduledTask) {
  const { createdBy: _by, ...rest } = meta as NewTask['meta'];
  return { ...task, meta: rest };
}

/** What callers may change, as it is compared. */
export const comparedContent = ({ spec, ledger }: Pick<FoundSchedule, 'spec' | 'ledger'>) => {
  // What the store keeps beside it.
  const {
    createdMs: _c,
    updatedMs: _u,
    plannedFromMs: _p,
    skipSetMs: _s,
    former: _f,
    pausedMs: _m,
    ...content
  } = spec;
  return { ...content, task: withoutMaker(content.task), skipNext: skipsLeftOf({ spec, ledger }) };
};
