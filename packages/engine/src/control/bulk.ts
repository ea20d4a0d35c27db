import type { BulkState, TaskAction } from '../broker/control.ts';
import type { Broker } from '../broker/broker.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import { createFieldsCheck, createOptionsCheck, required } from '../checks/options.ts';
import { anyText, filledText, oneOf } from '../checks/values.ts';
import { facetsOf } from './arguments.ts';
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

const checkBulk = createFieldsCheck<BulkChange>('bulk', {
  queue: required(filledText),
  action: required(oneOf(['run', 'archive', 'remove'] satisfies TaskAction[])),
  state: required(oneOf(BULK_STATES)),
  options: required((options) => void checkBulkOptions(options)),
});

/** Refuses a state that the action itself leads to. */
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
  checkState(checkBulk(bulk));
  facetsOf(broker, 'inspect', 'control');
  await requireQueue(broker, bulk.queue);
  return changeInSteps(broker, bulk);
}
