import { failedFinish, POISON_LIMITS, SCAN_MS } from '@task-center/model';
import type { Finish, LeasedTask } from '../broker/consume.ts';
import type { Recovered } from '../broker/maintain.ts';
import type { Log } from '../runtime/log.ts';
import { createLoop, poll, type Loop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { LoopOverQueues } from './forwarder.ts';
import { reportQuarantinedBy } from './report-quarantined.ts';

/** Most tasks per queue and step. */
const LIMIT = 100;

/** Number of tasks that a step handled. */
const size = ({ recovered, archived, orphans }: Recovered) => recovered + archived + orphans.length;

/** Asynq's own message: its users know it from its tools. */
const LEASE_EXPIRED = { class: 'lost', message: 'asynq: task lease expired' } as const;

/**
 * The finish for the attempt of a Go worker that is gone. The attempt counts as failed, as in Asynq's own recoverer. The
 * retry comes after Asynq's delay, unless the task has its own backoff. See docs/design/guarantees.md#go-workers.
 */
function orphanFinish(task: LeasedTask, { clock, random }: Runtime): Finish {
  const nowMs = clock.wallMs();
  const record = {
    number: task.attempt,
    startedMs: task.pendingSinceMs ?? nowMs,
    finishedMs: nowMs,
    outcome: 'lost',
    error: LEASE_EXPIRED,
  } as const;
  const retryInputs = { backoff: { kind: 'asynq' }, nowMs, chance: random() } as const;
  return failedFinish(task, { record, hints: {}, isFailure: () => true }, retryInputs);
}

function tellRecovered(log: Log, fields: { queue: string; recovered: number; archived: number }): void {
  log.warn(fields, 'tasks of a lost worker were taken back');
  if (fields.archived > 0) log.error(fields, 'tasks were archived, because their workers died: dead letters');
}

/** Takes back the tasks of workers that are gone: docs/design/engine.md#recovery. */
export function createRecoverer({ broker, needs, runtime }: LoopOverQueues): Loop {
  /** Ends the attempts of Go workers that are gone. Returns how many tasks will be retried and how many were archived. */
  async function endAll(orphans: readonly LeasedTask[]): Promise<{ recovered: number; archived: number }> {
    if (orphans.length === 0) return { recovered: 0, archived: 0 };
    const finishes = orphans.map((task) => orphanFinish(task, runtime));
    const exchange = { finishes, queues: [], room: 0, leaseMs: 1, worker: '' };
    const { finished } = await broker.consume.exchange(exchange);
    const accepted = finishes.filter((_, i) => finished[i] === 'accepted');
    const archived = accepted.filter(({ outcome }) => outcome === 'archive').length;
    return { recovered: accepted.length - archived, archived };
  }

  return createLoop({
    name: 'recoverer',
    runtime,
    async step() {
      const steps = needs.leased().map(({ queue, idleAtMs }) => ({
        queue,
        limit: LIMIT,
        ...(idleAtMs !== undefined && { idleAtMs }),
      }));
      if (steps.length === 0) return poll(SCAN_MS);
      const results = await broker.maintain.recover(steps, POISON_LIMITS);
      reportQuarantinedBy(runtime, steps, results);
      for (const [i, result] of results.entries()) {
        if (size(result) === 0) continue;
        const ended = await endAll(result.orphans);
        const recovered = result.recovered + ended.recovered;
        const archived = result.archived + ended.archived;
        const { queue } = steps[i]!;
        runtime.events.emit('tasks.recovered', { queue, recovered, archived });
        tellRecovered(runtime.log, { queue, recovered, archived });
      }
      return results.some((result) => size(result) === LIMIT) ? 0 : poll(SCAN_MS);
    },
  });
}
