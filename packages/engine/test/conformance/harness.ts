import type { Broker } from '../../src/broker/broker.ts';
import type { Finish, FinishOutcome, LeasedTask, ExchangeOutcome } from '../../src/broker/consume.ts';
import type { QueueFacts, TaskRecord } from '../../src/broker/inspect.ts';
import type { Forwarded, Recovered, Step } from '../../src/broker/maintain.ts';

/** An empty broker whose time a test moves by hand. */
export interface Bench {
  readonly broker: Broker;
  /** The broker's time, wall-clock ms. */
  now(): number;
  advance(ms: number): Promise<void>;
  /**
   * Moves time by `ms` while a recoverer runs as often as in production. So no hold-off applies at the end: the broker
   * does not recover tasks after a gap between two runs. Resolves to the total that was recovered, per step.
   */
  recoverAfter(ms: number, steps: readonly Step[]): Promise<Recovered[]>;
  close(): Promise<void>;
}

/** What the suite needs from a kind of broker. */
export interface Harness {
  readonly name: string;
  /** Whether its broker keeps schedules. */
  readonly keepsSchedules?: boolean;
  /** Resolves to a new, empty broker, which is closed when the test ends. */
  openBench(): Promise<Bench>;
}

/** Time that stands still until a test moves it. It starts 250 ms after a whole second, to make rounding visible. */
export function movableTime(): { now(): number; advance(ms: number): void } {
  let nowMs = Math.floor(Date.now() / 1_000) * 1_000 + 250;
  return {
    now: () => nowMs,
    advance(ms) {
      nowMs += ms;
    },
  };
}

/** Long enough for other steps of a test, and for the hold-off when a recoverer starts. */
export const LEASE_MS = 10_000;
/** After this a lease of `LEASE_MS` has expired: expiry may be rounded up to a whole second. */
export const LEASE_OVER_MS = LEASE_MS + 1_000;
/** Losses after which a task counts as poison. */
export const LIMITS = { crashes: 2, losses: 4 };

/**
 * A recoverer runs at least this often. After a longer gap the broker holds off, because workers may have been stopped,
 * too (docs/design/guarantees.md#hold-off-after-a-stall).
 */
const SCAN_MS = 700;

type Time = ReturnType<typeof movableTime>;

async function scan(broker: Broker, steps: readonly Step[], totals: Recovered[]): Promise<void> {
  const outcomes = await broker.maintain.recover(steps, LIMITS);
  outcomes.forEach(({ recovered, archived, orphans }, i) => {
    const total = totals[i] ?? { recovered: 0, archived: 0, orphans: [] };
    totals[i] = {
      recovered: total.recovered + recovered,
      archived: total.archived + archived,
      orphans: [...total.orphans, ...orphans],
    };
  });
}

/** A bench around a broker that reads its time from `time`. */
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

/** Arguments of an exchange, each with a default. */
export interface Take {
  readonly queues?: readonly string[];
  readonly shares?: readonly number[];
  readonly room?: number;
  readonly leaseMs?: number;
  readonly worker?: string;
  readonly finishes?: readonly Finish[];
  readonly leave?: readonly string[];
}

/** One exchange. By default it finishes nothing and takes up to 100 tasks of the queue `default`. */
export function exchange({ broker }: Bench, how: Take = {}): Promise<ExchangeOutcome> {
  const { queues = ['default'], room = 100, leaseMs = LEASE_MS, worker = 'worker-1', finishes = [] } = how;
  const { shares, leave } = how;
  return broker.consume.exchange({
    finishes,
    queues,
    ...(shares && { shares }),
    ...(leave && { leave }),
    room,
    leaseMs,
    worker,
  });
}

export async function take(bench: Bench, how: Take = {}): Promise<readonly LeasedTask[]> {
  return (await exchange(bench, how)).tasks;
}

/** Takes the next task; fails if there is none. */
export async function takeOne(bench: Bench, how: Take = {}): Promise<LeasedTask> {
  const [task] = await take(bench, { ...how, room: 1 });
  if (!task) throw new Error('there was no task to take');
  return task;
}

/** Finishes attempts without taking tasks. */
export async function end(bench: Bench, ...finishes: readonly Finish[]): Promise<readonly FinishOutcome[]> {
  return (await exchange(bench, { finishes, queues: [], room: 0 })).finished;
}

export const idsOf = (tasks: readonly { readonly id: string }[]): string[] => tasks.map(({ id }) => id);

/** The record of a task; fails if there is none. */
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

/** What `totals.started` must be, from the ends of the attempts and those that still run. */
export function startedOf({ totals, counts }: QueueFacts): number {
  const { succeeded, failed, uncounted, revoked, cancelledRunning, deferred, recovered, unreadable } = totals;
  const processed = succeeded + failed + revoked + cancelledRunning;
  return processed + uncounted + deferred + recovered + unreadable + counts.active;
}

/** Counts of the tasks in a queue by state, without the states that have none. */
export async function countsOf(bench: Bench, queue = 'default'): Promise<Record<string, number>> {
  const { counts } = await factsOf(bench, queue);
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}

export async function forward({ broker }: Bench, queue = 'default', limit = 256): Promise<Forwarded> {
  const [forwarded] = await broker.maintain.forward([{ queue, limit }]);
  if (!forwarded) throw new Error('forward returned no outcome');
  return forwarded;
}
