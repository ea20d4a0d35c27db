import type { Consume, LeasedTask } from '../../broker/consume.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** After a call that took longer than this, its leases may be nearly over. */
const SLOW_MS = 1_000;

export interface IntakeDeps {
  readonly consume: Pick<Consume, 'extend'>;
  readonly runtime: Runtime;
  /** Length of the leases, ms. */
  readonly leaseMs: number;
  /** Starts tasks. `sinceMs`: start of the call that took or renewed their leases, monotonic. */
  start(tasks: readonly LeasedTask[], sinceMs: number): void;
}

/**
 * Creates the function that has new tasks started. Undefined = they run already; otherwise it resolves when they do, and
 * never rejects.
 */
export function createIntake({ consume, runtime, leaseMs, start }: IntakeDeps) {
  /** Renews the leases first, and starts the tasks that are still ours. */
  async function startSlowly(tasks: readonly LeasedTask[]): Promise<void> {
    const sinceMs = runtime.clock.monotonicMs();
    try {
      const ours = await consume.extend(tasks, leaseMs);
      start(
        tasks.filter((_, i) => ours[i] === true),
        sinceMs,
      );
    } catch (error) {
      runtime.log.warn(
        { err: error, tasks: tasks.length },
        'leases of tasks taken in a slow call could not be renewed; the tasks are recovered later',
      );
    }
  }

  return (tasks: readonly LeasedTask[], sinceMs: number): Promise<void> | undefined => {
    if (runtime.clock.monotonicMs() - sinceMs > SLOW_MS) return startSlowly(tasks);
    start(tasks, sinceMs);
    return undefined;
  };
}
