import { MAX_BATCH } from '../broker/bounds.ts';
import type { Repaired, Step } from '../broker/maintain.ts';
import { createLoop, poll, type Loop } from '../runtime/loop.ts';
import type { LoopOverQueues } from './forwarder.ts';
import type { QueueNeeds } from './needs.ts';
import { createTurns } from './turns.ts';

/** Time between two sweeps, as in Asynq. */
const SWEEP_INTERVAL_MS = 8_000;
/** Idle queues that take their turn in a sweep. Every queue has its turn, because not every fault shows in a survey. */
const MAX_IDLE_SWEPT = 64;
/** Up to this number of queues, each sweep searches all of them for expired tasks; of more, each in one of four sweeps. */
const MIN_SEARCHED = 1_024;
const MAX_SEARCH_TURNS = 4;

const hasRepairs = ({ renamedKeys, ...counts }: Repaired): boolean =>
  renamedKeys.length > 0 || Object.values(counts).some((count) => count > 0);

/** Chooses the queues of a sweep. */
function createChoice({ broker: { maintain }, needs }: LoopOverQueues) {
  const nextToSearch = createTurns(MIN_SEARCHED, MAX_SEARCH_TURNS);
  const nextToSweep = createTurns(MAX_IDLE_SWEPT);

  /** Looks for queues in which something has expired. Few queues are all swept anyway. */
  async function markUntidy(): Promise<void> {
    const turn = new Map(nextToSearch(needs.all()).map((queue) => [queue.queue, queue]));
    if (turn.size <= MAX_IDLE_SWEPT) return;
    for (const name of await maintain.findUntidy([...turn.keys()])) {
      const queue = turn.get(name);
      if (queue) queue.isUntidy = true;
    }
  }

  /** Those that need it, those in use, and some others in turn. */
  return async (): Promise<QueueNeeds[]> => {
    await markUntidy();
    const all = needs.all();
    return [...new Set([...all.filter(({ isUntidy }) => isUntidy), ...needs.leased(), ...nextToSweep(all)])];
  };
}

/**
 * Removes finished tasks whose retention is over, puts tasks of abandoned aggregation sets back into their groups, and
 * repairs what crashed or foreign processes left behind.
 */
export function createJanitor(deps: LoopOverQueues): Loop {
  const { broker, runtime } = deps;
  const { maintain, groups } = broker;
  const { events, log } = runtime;
  const choose = createChoice(deps);
  /** The queues of the sweep under way, while some have more to remove; undefined = the next step begins a sweep. */
  let swept: readonly QueueNeeds[] | undefined;

  /** Removes expired data. Returns whether there may be more. */
  async function remove(queues: readonly QueueNeeds[], steps: readonly Step[]): Promise<boolean> {
    const reclaimed = await groups.reclaim(steps);
    const removed = await maintain.expire(steps);
    removed.forEach((count, i) => {
      if (count > 0) events.emit('tasks.expired', { queue: steps[i]?.queue ?? '', removed: count });
    });
    queues.forEach((queue, i) => {
      queue.isUntidy = Math.max(removed[i] ?? 0, reclaimed[i] ?? 0) >= MAX_BATCH;
    });
    return queues.some(({ isUntidy }) => isUntidy);
  }

  async function repair(steps: readonly Step[]): Promise<void> {
    const repairs = await maintain.repair(steps);
    repairs.forEach((repaired, i) => {
      if (!hasRepairs(repaired)) return;
      const queue = steps[i]?.queue ?? '';
      events.emit('queue.repaired', { queue, ...repaired });
      // What was archived are dead letters.
      log[repaired.archived > 0 ? 'error' : 'warn']({ queue, ...repaired }, 'a queue was repaired');
    });
  }

  return createLoop({
    name: 'janitor',
    runtime,
    async step() {
      swept ??= await choose();
      const steps = swept.map(({ queue }) => ({ queue, limit: MAX_BATCH }));
      if (await remove(swept, steps)) return 0;
      swept = undefined;
      await repair(steps);
      return poll(SWEEP_INTERVAL_MS);
    },
  });
}
