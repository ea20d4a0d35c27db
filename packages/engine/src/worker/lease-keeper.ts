import type { Consume, LeasedTask } from '../broker/consume.ts';
import { createLoop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createDeadlines } from './deadlines.ts';

/** Length of a lease, time between renewals, and what is kept back for doubt (reliability F.1, F.2). */
export const LEASE_MS = 6_000;
const RENEW_MS = 1_500;
const RENEW_AGAIN_MS = 250;
const MARGIN_MS = 500;

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
  onLost(task: LeasedTask): void;
}

export function createLeaseKeeper({ consume, runtime, onLost }: LeaseKeeperParts): LeaseKeeper {
  const { clock, log } = runtime;
  const held = new Set<LeasedTask>();

  function lose(task: LeasedTask): void {
    if (held.delete(task)) onLost(task);
  }

  /** A lease is trusted from the start of the call that made it, never from its answer (reliability F.2). */
  const trust = createDeadlines<LeasedTask>('lease-trust', runtime, lose);
  const trustSince = (task: LeasedTask, sinceMs: number) => trust.set(task, sinceMs + LEASE_MS - MARGIN_MS);

  async function renew(): Promise<void> {
    const leases = [...held];
    const sinceMs = clock.monotonicMs();
    const renewed = await consume.extend(leases, LEASE_MS);
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
      if (held.size === 0) return RENEW_MS;
      try {
        await renew();
        return RENEW_MS;
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
