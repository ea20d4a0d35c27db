import { failedFinish } from '@task-center/model';
import type { Finish, LeasedTask } from '../broker/consume.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Asynq's own message, which its users recognise in its tools. */
const ERROR = { class: 'lost', message: 'asynq: task lease expired' } as const;

/**
 * Returns how to end the attempt of a Go worker that is gone: as a failed attempt, which is what Asynq's own recoverer
 * does. The retry comes after Asynq's delay, unless the task has its own backoff. See docs/design/guarantees.md#go-workers.
 */
export function orphanFinish(task: LeasedTask, { clock, random }: Runtime): Finish {
  const nowMs = clock.wallMs();
  const record = {
    number: task.attempt,
    startedMs: task.pendingSinceMs ?? nowMs,
    finishedMs: nowMs,
    outcome: 'lost',
    error: ERROR,
  } as const;
  const retryInputs = { backoff: { kind: 'asynq' }, nowMs, chance: random() } as const;
  return failedFinish(task, { record, hints: {}, countsAsFailure: () => true }, retryInputs);
}
