import { fsck, type Broker, type ListedState, type TaskRecord } from '@task-center/engine';

/** What the broker holds when an experiment is over. */
export interface Held {
  readonly tasks: ReadonlyMap<string, HeldTask>;
  /** Attempts that were counted, over all queues. */
  readonly processed: number;
  readonly failed: number;
  /** What `fsck` found. */
  readonly fsck: readonly string[];
}

export type HeldTask = Pick<
  TaskRecord,
  'id' | 'state' | 'retried' | 'maxRetries' | 'crashes' | 'attempt' | 'attempts' | 'result' | 'lastError'
>;

/** Groups are read by nobody yet: experiments about them bring their own end. */
const STATES = [
  'scheduled',
  'pending',
  'active',
  'retry',
  'completed',
  'cancelled',
  'archived',
] as const satisfies readonly ListedState[];
const PAGE = 500;
/** Between the two looks of `fsck`: nobody is at work. */
const PAUSE_MS = 100;

async function listed(broker: Broker, queue: string): Promise<HeldTask[]> {
  const all: HeldTask[] = [];
  for (const state of STATES) {
    let cursor: string | null = null;
    do {
      const page = await broker.inspect.list({ queue, state, limit: PAGE, cursor });
      all.push(...page.tasks);
      ({ cursor } = page);
    } while (cursor !== null);
  }
  return all;
}

/** How many tasks are not final yet. */
export async function unfinished(broker: Broker): Promise<number> {
  const facts = await broker.inspect.queueFacts(await broker.inspect.queues());
  const left = facts.map(
    ({ counts: { pending, active, retry, scheduled } }) => pending + active + retry + scheduled,
  );
  return left.reduce((sum, count) => sum + count, 0);
}

/** Reads everything; nobody may be at work. */
export async function readHeld(broker: Broker): Promise<Held> {
  const queues = await broker.inspect.queues();
  const facts = await broker.inspect.queueFacts(queues);
  const tasks = new Map<string, HeldTask>();
  for (const queue of queues) for (const task of await listed(broker, queue)) tasks.set(task.id, task);
  const sum = (of: 'processed' | 'failed') => facts.reduce((total, one) => total + one[of], 0);
  const { findings } = await fsck(broker, { pauseMs: PAUSE_MS });
  const found = findings.map(
    ({ queue, kind, what, name }) => `${kind}: ${what} ${name} of ${queue ?? 'the broker'}`,
  );
  return { tasks, processed: sum('processed'), failed: sum('failed'), fsck: found };
}
