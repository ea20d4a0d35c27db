import type { Consume, LeasedTask } from '../broker/consume.ts';
import { createLoop } from '../runtime/loop.ts';
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

export function createLeaseKeeper({ consume, runtime, leaseMs, onLost }: LeaseKeeperParts): LeaseKeeper {
  const renewMs = Math.min(LONGEST_RENEW_MS, leaseMs / RENEWALS);
  const trustMs = leaseMs - Math.min(MARGIN_MS, leaseMs / MARGINS);
  const { clock, log } = runtime;
  const held = new Set<LeasedTask>();

  function lose(task: LeasedTask): void {
    if (held.delete(task)) onLost(task);
  }

  /** A lease is trusted from the start of the call that made it, never from its answer (reliability F.2). */
  const trust = createDeadlines<LeasedTask>('lease-trust', runtime, lose);
  const trustSince = (task: LeasedTask, sinceMs: number) => trust.set(task, sinceMs + trustMs);

  async function renew(): Promise<void> {
    const leases = [...held];
    const sinceMs = clock.monotonicMs();
    const renewed = await consume.extend(leases, leaseMs);
    leases.forEach((task, i) => {
      if (!held.has(task)) return;
      if (renewed[i] === true) return trustSince(task, sinceMs);
      trust.clear(task);
      lose(task);
    });
  }

  const renewal = createLoop({
    name: 'heartbeat',
    runtime,
    async step() {
      if (held.size === 0) return renewMs;
      try {
        await renew();
        return renewMs;
      } catch (error) {
        log.warn({ err: error, leases: held.size }, 'leases could not be renewed; trying again');
        return RENEW_AGAIN_MS;
      }
    },
  });

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
