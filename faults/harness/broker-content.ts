import { fsck, type Broker, type ListedState, type QueueFacts, type TaskRecord } from '@task-center/engine';

/** The content of the broker at the end of an experiment. */
export interface BrokerContent {
  readonly tasks: ReadonlyMap<string, StoredTask>;
  /** The counters `processed` and `failed`, summed over all queues. */
  readonly processed: number;
  readonly failed: number;
  /** By queue. */
  readonly totals: ReadonlyMap<string, QueueFacts['totals']>;
  /** Findings of `fsck`. */
  readonly fsck: readonly string[];
}

export type StoredTask = Pick<
  TaskRecord,
  | 'queue'
  | 'id'
  | 'state'
  | 'retried'
  | 'maxRetries'
  | 'crashes'
  | 'attempt'
  | 'deferrals'
  | 'attempts'
  | 'result'
  | 'lastError'
> &
  Partial<Pick<TaskRecord, 'cancelled' | 'meta' | 'payload'>>;

/** Without `aggregating`: no experiment leaves tasks in groups. */
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
/** Pause between the two scans of `fsck`. Short, as nothing changes any more. */
const PAUSE_MS = 100;

async function listTasks(broker: Broker, queue: string): Promise<StoredTask[]> {
  const all: StoredTask[] = [];
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

/** The number of tasks that have no end yet. */
export async function unfinished(broker: Broker): Promise<number> {
  const facts = await broker.inspect.queueFacts(await broker.inspect.queues());
  const left = facts.map(
    ({ counts: { pending, active, retry, scheduled } }) => pending + active + retry + scheduled,
  );
  return left.reduce((sum, count) => sum + count, 0);
}

/** Reads all tasks and counters and runs `fsck`. No client or worker may be running. */
export async function readBrokerContent(broker: Broker): Promise<BrokerContent> {
  const queues = await broker.inspect.queues();
  const facts = await broker.inspect.queueFacts(queues);
  const tasks = new Map<string, StoredTask>();
  for (const queue of queues) for (const task of await listTasks(broker, queue)) tasks.set(task.id, task);
  const sum = (counter: 'processed' | 'failed') =>
    facts.reduce((total, queueFacts) => total + queueFacts[counter], 0);
  const { findings } = await fsck(broker, { pause: PAUSE_MS });
  const found = findings.map(
    ({ queue, kind, what, name }) => `${kind}: ${what} ${name} of ${queue ?? 'the broker'}`,
  );
  const totals = new Map(facts.map((of) => [of.queue, of.totals]));
  return { tasks, processed: sum('processed'), failed: sum('failed'), totals, fsck: found };
}
