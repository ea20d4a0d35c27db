import type { BulkState, TaskAction } from '../broker/control.ts';
import type { Broker } from '../broker/broker.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { anyText } from '../checks/values.ts';
import { changeInSteps, STEP_ROWS, type BulkChange, type BulkOptions } from './change-in-steps.ts';
import { requireQueue } from './queues.ts';

/** A running task is in none of them: it would go on running beside the change. */
const BULK_STATES: readonly BulkState[] = [
  'pending',
  'scheduled',
  'retry',
  'completed',
  'archived',
  'aggregating',
];
/** The state to which an action leads; `remove` leads to none. */
const TARGETS: Readonly<Partial<Record<TaskAction, BulkState>>> = { run: 'pending', archive: 'archived' };

const checkBulkOptions = createOptionsCheck<BulkOptions>('a change of many tasks', {
  ...STEP_ROWS,
  group: anyText,
});

/** The compiler checks the state for TypeScript; callers in JavaScript need it at run time. */
function checkState({ action, state }: BulkChange): void {
  const allowed = BULK_STATES.filter((known) => known !== TARGETS[action]);
  if (!allowed.includes(state)) throw invalidValue('state', state, `one of ${allowed.join(', ')}`);
}

/**
 * Runs, archives or removes all tasks of a state; resolves to their number.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`
 */
export async function changeAll(broker: Broker, bulk: BulkChange): Promise<number> {
  checkState(bulk);
  checkBulkOptions(bulk.options);
  await requireQueue(broker, bulk.queue);
  return changeInSteps(broker, bulk);
}
