import type { Broker } from '../broker/broker.ts';
import type { BulkState, TaskAction } from '../broker/control.ts';

/** Work on many tasks, done in short steps so that nobody else has to wait for it. */
export interface BulkOptions {
  /** Only with `aggregating`: tasks of this group. Default: of all groups. */
  readonly group?: string;
  /** Called after each step with the number of tasks handled so far, and how many there were when it began. */
  readonly onProgress?: (handled: number, total: number) => void;
  /** Ends the work after the step under way; what was handled stays so. */
  readonly signal?: AbortSignal;
}

export interface BulkWork {
  readonly queue: string;
  readonly action: TaskAction;
  readonly state: BulkState;
  readonly options: BulkOptions;
}

const STEP = 256;

async function sizeOf({ inspect }: Broker, { queue, state, options: { group } }: BulkWork): Promise<number> {
  if (state === 'aggregating' && group !== undefined) {
    return (await inspect.list({ queue, state, group, limit: 1, cursor: null })).total;
  }
  const [facts] = await inspect.queueFacts([queue]);
  const counts = facts?.counts;
  return (counts?.[state] ?? 0) + (state === 'completed' ? (counts?.cancelled ?? 0) : 0);
}

/** As many tasks as were there when it began: it ends also where producers add faster than it works. */
export async function changeAll(broker: Broker, work: BulkWork): Promise<number> {
  const { queue, action, state, options } = work;
  const total = await sizeOf(broker, work);
  let handled = 0;
  while (handled < total && !options.signal?.aborted) {
    const group = options.group === undefined ? {} : { group: options.group };
    const limit = Math.min(STEP, total - handled);
    const acted = await broker.control.changeMany({ queue, action, state, limit, ...group });
    handled += acted.handled;
    options.onProgress?.(handled, total);
    if (!acted.more) break;
  }
  return handled;
}
