import { decideFailure, isBackoff } from '@task-center/model';
import type { Finish, LeasedTask } from '../broker/consume.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The message is Asynq's, so its tools show what people know. */
const ERROR = { class: 'lost', message: 'asynq: task lease expired' } as const;

/**
 * Returns how to end the attempt of a Go worker that is gone: as a failed attempt, which is what Asynq's own recoverer
 * does. The retry comes after Asynq's delay, unless the task has its own backoff. See docs/design/guarantees.md#go-workers.
 */
export function endOrphan(task: LeasedTask, { clock, random }: Runtime): Finish {
  const { retried, maxRetries, meta, attempt, pendingSinceMs } = task;
  const backoff = isBackoff(meta.backoff) ? meta.backoff : ({ kind: 'asynq' } as const);
  const decision = decideFailure({ retried, maxRetries, backoff, hints: {}, chance: random() });
  const nowMs = clock.wallMs();
  const record = {
    number: attempt,
    startedMs: pendingSinceMs ?? nowMs,
    finishedMs: nowMs,
    outcome: 'lost',
    reason: decision.reason,
    error: ERROR,
  } as const;
  if (decision.outcome === 'archive') return { outcome: 'archive', task, record };
  const { delayMs } = decision;
  return {
    outcome: 'retry',
    task,
    record: { ...record, nextMs: nowMs + delayMs },
    delayMs,
    countsAsFailure: true,
  };
}
