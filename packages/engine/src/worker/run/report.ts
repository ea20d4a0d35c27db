import type { Finish, FinishOutcome, LeasedTask } from '../../broker/consume.ts';
import { isGivenBack } from '../../broker/given-back.ts';
import type { AttemptOutcome } from '../../runtime/events.ts';
import type { Runtime } from '../../runtime/runtime.ts';

// What a worker tells about its attempts. Events that nobody listens to cost nothing.

/** The outcome in events, by that of a finish. */
const OUTCOME = {
  succeeded: 'succeeded',
  retry: 'failed',
  archive: 'archived',
  revoked: 'revoked',
  requeue: 'deferred',
  defer: 'deferred',
} as const;

export function reportStarted({ events }: Runtime, task: LeasedTask): void {
  if (!events.has('attempt.started')) return;
  events.emit('attempt.started', { task, type: task.type, attempt: task.attempt });
}

/** The broker has accepted the finish. */
export function reportFinished(runtime: Runtime, finish: Finish, outcome: FinishOutcome): void {
  const runMs = isGivenBack(finish) ? 0 : finish.record.finishedMs - finish.record.startedMs;
  const ended = outcome === 'cancelled' ? 'cancelled' : OUTCOME[finish.outcome];
  emitFinished(runtime, finish.task, { outcome: ended, runMs });
}

export function reportLeaseLost({ log, events }: Runtime, task: LeasedTask): void {
  log.warn(
    { queue: task.queue, task_id: task.id, attempt: task.attempt },
    'a lease was lost; the outcome of its attempt is dropped',
  );
  events.emit('lease.lost', { task });
}

/** The attempt has ended without an outcome. */
export function reportLost(runtime: Runtime, task: LeasedTask): void {
  reportLeaseLost(runtime, task);
  emitFinished(runtime, task, { outcome: 'lost', runMs: 0 });
}

function emitFinished(
  { events }: Runtime,
  task: LeasedTask,
  end: { readonly outcome: AttemptOutcome; readonly runMs: number },
): void {
  if (!events.has('attempt.finished')) return;
  events.emit('attempt.finished', { task, type: task.type, attempt: task.attempt, ...end });
}
