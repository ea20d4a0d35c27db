import type { Consume, LeasedTask } from '../broker/consume.ts';
import { createLoop, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createDeadlines } from './deadlines.ts';

/** Length of a lease (reliability F.1), and Asynq's (protocol 4.9). */
export const LEASE_MS = 6_000;
export const ASYNQ_LEASE_MS = 30_000;
/** Renewals in a lease's length, and the longest time between them, as Asynq's. */
const RENEWALS = 4;
const LONGEST_RENEW_MS = 5_000;
const RENEW_AGAIN_MS = 250;
/** What is kept back for doubt, at most a twelfth of the length (reliability F.2). */
const MARGIN_MS = 500;
const MARGINS = 12;

/**
 * Keeps the leases of running attempts alive: the worker's heartbeat. It says so, once, when one is lost:
 * somebody else has it, or it could not be renewed in time and must no longer be trusted. It runs on the main
 * thread for now; a thread takes over this interface.
 */
export interface LeaseKeeper {
  /** Holds a lease that was asked for at `sinceMs` (monotonic). */
  hold(task: LeasedTask, sinceMs: number): void;
  /** The attempt has ended: no renewal any more. */
  release(task: LeasedTask): void;
  start(): void;
  stop(): Promise<void>;
}

export interface LeaseKeeperParts {
  readonly consume: Pick<Consume, 'extend'>;
  readonly runtime: Runtime;
  readonly leaseMs: number;
  onLost(task: LeasedTask): void;
}

/** Leases by queue. */
class Held {
  readonly #byQueue = new Map<string, Set<LeasedTask>>();

  queues(): Iterable<string> {
    return this.#byQueue.keys();
  }

  of(queue: string): LeasedTask[] {
    return [...(this.#byQueue.get(queue) ?? [])];
  }

  has(task: LeasedTask): boolean {
    return this.#byQueue.get(task.queue)?.has(task) ?? false;
  }

  add(task: LeasedTask): void {
    const leases = this.#byQueue.get(task.queue);
    if (leases) leases.add(task);
    else this.#byQueue.set(task.queue, new Set([task]));
  }

  /** Whether it was there. */
  delete(task: LeasedTask): boolean {
    const leases = this.#byQueue.get(task.queue);
    const was = leases?.delete(task) ?? false;
    if (leases?.size === 0) this.#byQueue.delete(task.queue);
    return was;
  }
}

interface RenewalParts {
  readonly held: Held;
  readonly runtime: Runtime;
  readonly everyMs: number;
}

/** Renews again and again; each queue on its own, as a server that is away must cost no lease elsewhere. */
function createRenewal(
  extend: (leases: readonly LeasedTask[]) => Promise<void>,
  { held, runtime, everyMs }: RenewalParts,
): Pick<Loop, 'start' | 'stop'> {
  const { clock, log } = runtime;
  const underWay = new Set<string>();
  let stopped = false;

  /** Until it succeeds, or nothing is left to renew. */
  async function renew(queue: string): Promise<void> {
    if (underWay.has(queue)) return;
    underWay.add(queue);
    for (let leases = held.of(queue); leases.length > 0 && !stopped; leases = held.of(queue)) {
      try {
        await extend(leases);
        break;
      } catch (error) {
        if (stopped) break;
        log.warn({ err: error, queue, leases: leases.length }, 'leases could not be renewed; trying again');
        await clock.sleep(RENEW_AGAIN_MS);
      }
    }
    underWay.delete(queue);
  }

  const loop = createLoop({
    name: 'heartbeat',
    runtime,
    step() {
      for (const queue of held.queues()) void renew(queue);
      return Promise.resolve(Math.min(LONGEST_RENEW_MS, everyMs));
    },
  });

  return {
    start: () => loop.start(),
    stop() {
      stopped = true;
      return loop.stop();
    },
  };
}

export function createLeaseKeeper({ consume, runtime, leaseMs, onLost }: LeaseKeeperParts): LeaseKeeper {
  const trustMs = leaseMs - Math.min(MARGIN_MS, leaseMs / MARGINS);
  const { clock } = runtime;
  const held = new Held();
  function lose(task: LeasedTask): void {
    if (held.delete(task)) onLost(task);
  }

  /** A lease is trusted from the start of the call that made it, never from its answer (reliability F.2). */
  const trust = createDeadlines<LeasedTask>('lease-trust', runtime, lose);
  const trustSince = (task: LeasedTask, sinceMs: number) => trust.set(task, sinceMs + trustMs);

  async function extend(leases: readonly LeasedTask[]): Promise<void> {
    const sinceMs = clock.monotonicMs();
    const renewed = await consume.extend(leases, leaseMs);
    leases.forEach((task, i) => {
      if (!held.has(task)) return;
      if (renewed[i] === true) return trustSince(task, sinceMs);
      trust.clear(task);
      lose(task);
    });
  }

  const renewal = createRenewal(extend, { held, runtime, everyMs: leaseMs / RENEWALS });

  return {
    hold(task, sinceMs) {
      held.add(task);
      trustSince(task, sinceMs);
    },
    release(task) {
      held.delete(task);
      trust.clear(task);
    },
    start() {
      trust.start();
      renewal.start();
    },
    async stop() {
      await Promise.all([trust.stop(), renewal.stop()]);
    },
  };
}
