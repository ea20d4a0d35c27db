import type { Broker } from '../../src/broker/broker.ts';
import type { Finish, FinishOutcome, LeasedTask, ExchangeOutcome } from '../../src/broker/consume.ts';
import type { QueueFacts, TaskRecord } from '../../src/broker/inspect.ts';
import type { Forwarded, Recovered, Step } from '../../src/broker/maintain.ts';

/** A broker with nothing in it, and its time in the test's hand. */
export interface Bench {
  readonly broker: Broker;
  /** The broker's time, wall-clock ms. */
  now(): number;
  advance(ms: number): Promise<void>;
  /**
   * Moves time by `ms` while a recoverer looks as often as one does in life, so that no hold-off applies at the
   * end. Resolves to what was recovered in all, per step.
   */
  recoverAfter(ms: number, steps: readonly Step[]): Promise<Recovered[]>;
  close(): Promise<void>;
}

/** What the suite needs of a kind of broker. */
export interface Harness {
  readonly name: string;
  openBench(): Promise<Bench>;
}

/** Time that stands still until it is moved: a whole second and a bit, so that rounding shows. */
export function movableTime(): { now(): number; advance(ms: number): void } {
  let nowMs = Math.floor(Date.now() / 1_000) * 1_000 + 250;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** Long enough that nothing expires while a test does other things, and a recoverer's start is over. */
export const LEASE_MS = 10_000;
/** After this a lease of `LEASE_MS` has expired: expiry may be rounded up to a whole second. */
export const LEASE_OVER_MS = LEASE_MS + 1_000;
/** Crashes after which a task counts as poison. */
export const MAX_CRASHES = 3;

/** A recoverer looks at least this often; after a longer gap the scripts hold off (reliability F.4). */
const SCAN_MS = 700;

type Time = ReturnType<typeof movableTime>;

async function scan(broker: Broker, steps: readonly Step[], totals: Recovered[]): Promise<void> {
  const outcomes = await broker.maintain.recover(steps, MAX_CRASHES);
  outcomes.forEach(({ recovered, archived, orphans }, i) => {
    const total = totals[i] ?? { recovered: 0, archived: 0, orphans: [] };
    totals[i] = {
      recovered: total.recovered + recovered,
      archived: total.archived + archived,
      orphans: [...total.orphans, ...orphans],
    };
  });
}

/** A bench of a broker that reads its time from `time`. */
export function createBench(
  broker: Broker,
  time: Time,
  close: () => Promise<void> = () => broker.close(),
): Bench {
  return {
    broker,
    now: time.now,
    advance: (ms) => Promise.resolve(time.advance(ms)),
    async recoverAfter(ms, steps) {
      const totals: Recovered[] = [];
      await scan(broker, steps, totals);
      for (let left = ms; left > 0; left -= SCAN_MS) {
        time.advance(Math.min(left, SCAN_MS));
        await scan(broker, steps, totals);
      }
      return totals;
    },
    close,
  };
}

export interface Take {
  readonly queues?: readonly string[];
  readonly shares?: readonly number[];
  readonly room?: number;
  readonly leaseMs?: number;
  readonly worker?: string;
  readonly finishes?: readonly Finish[];
}

/** One exchange; takes up to 100 tasks of `default` unless told otherwise. */
export function exchange({ broker }: Bench, how: Take = {}): Promise<ExchangeOutcome> {
  const { queues = ['default'], room = 100, leaseMs = LEASE_MS, worker = 'worker-1', finishes = [] } = how;
  const shares = how.shares && { shares: how.shares };
  return broker.consume.exchange({ finishes, queues, ...shares, room, leaseMs, worker });
}

export async function take(bench: Bench, how: Take = {}): Promise<readonly LeasedTask[]> {
  return (await exchange(bench, how)).tasks;
}

/** The one task that is next; fails when there is none. */
export async function takeOne(bench: Bench, how: Take = {}): Promise<LeasedTask> {
  const [task] = await take(bench, { ...how, room: 1 });
  if (!task) throw new Error('no task was there to take');
  return task;
}

/** Finishes attempts without taking tasks. */
export async function end(bench: Bench, ...finishes: readonly Finish[]): Promise<readonly FinishOutcome[]> {
  return (await exchange(bench, { finishes, queues: [], room: 0 })).finished;
}

export const idsOf = (tasks: readonly { readonly id: string }[]): string[] => tasks.map(({ id }) => id);

/** The task's record; fails when there is none. */
export async function recordOf({ broker }: Bench, id: string, queue = 'default'): Promise<TaskRecord> {
  const record = await broker.inspect.task({ queue, id });
  if (!record) throw new Error(`there is no task ${id} in ${queue}`);
  return record;
}

export async function factsOf({ broker }: Bench, queue = 'default'): Promise<QueueFacts> {
  const [facts] = await broker.inspect.queueFacts([queue]);
  if (!facts) throw new Error(`there are no facts of ${queue}`);
  return facts;
}

/** Counts of a queue without the states that are empty. */
export async function countsOf(bench: Bench, queue = 'default'): Promise<Record<string, number>> {
  const { counts } = await factsOf(bench, queue);
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

export async function forward({ broker }: Bench, queue = 'default', limit = 256): Promise<Forwarded> {
  const [forwarded] = await broker.maintain.forward([{ queue, limit }]);
  if (!forwarded) throw new Error('forward gave no outcome');
  return forwarded;
}
