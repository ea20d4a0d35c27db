import { MAX_BATCH } from '../broker/bounds.ts';
import type { Broker } from '../broker/broker.ts';
import type { BulkState, TaskAction } from '../broker/control.ts';
import type { OptionRows } from '../checks/options.ts';
import { abortSignal, func } from '../checks/values.ts';

/** Options of a change to many tasks. It is made in short steps, and other calls to the broker run between them. */
export interface BulkOptions {
  /** With the state `aggregating`: only tasks of this group. Default: tasks of all groups. Other states ignore it. */
  readonly group?: string;
  /**
   * Called after each step (at most 256 tasks) with the tasks handled so far and their number at the start. It may be async. An
   * error of it ends the change, and is that of the call.
   */
  readonly onProgress?: (handled: number, total: number) => unknown;
  /** Stops after the current step. Changes that were made stay. Default: it goes on to the end. */
  readonly signal?: AbortSignal;
}

export const STEP_ROWS = { onProgress: func, signal: abortSignal } satisfies OptionRows<
  Omit<BulkOptions, 'group'>
>;

/** One action on all tasks that a queue has in a state. */
export interface BulkChange {
  readonly queue: string;
  readonly action: TaskAction;
  readonly state: BulkState;
  readonly options: BulkOptions;
}

/**
 * How many tasks the change is about. Cancelled tasks are stored among the completed ones, and are changed with them.
 */
async function countTasks(
  { inspect }: Broker,
  { queue, state, options: { group } }: BulkChange,
): Promise<number> {
  if (state === 'aggregating' && group !== undefined) {
    return (await inspect.list({ queue, state, group, limit: 1, cursor: null })).total;
  }
  const [facts] = await inspect.queueFacts([queue]);
  const counts = facts?.counts;
  return (counts?.[state] ?? 0) + (state === 'completed' ? (counts?.cancelled ?? 0) : 0);
}

/**
 * Changes as many tasks as there were at the start, and resolves to the number it changed. The bound makes it end even
 * where producers add tasks faster than it works. It does not check the queue.
 */
export async function changeInSteps(broker: Broker, bulk: BulkChange): Promise<number> {
  const { queue, action, state, options } = bulk;
  const total = await countTasks(broker, bulk);
  let handled = 0;
  while (handled < total && !options.signal?.aborted) {
    const group = options.group === undefined ? {} : { group: options.group };
    const limit = Math.min(MAX_BATCH, total - handled);
    const step = await broker.control.changeMany({ queue, action, state, limit, ...group });
    handled += step.handled;
    await options.onProgress?.(handled, total);
    if (!step.more) break;
  }
  return handled;
}
