import type { Finish, FinishOutcome, LeasedTask } from '../../broker/consume.ts';
import { isGivenBack } from '../../broker/given-back.ts';
import type { AttemptOutcome, EngineEvents, Events, TaskRef } from '../../runtime/events.ts';
import type { Log } from '../../runtime/log.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { WorkerEvents } from '../worker-events.ts';
import type { HeldTask } from '../held-task.ts';
import { hintsOf } from './error-info.ts';
import { startWaitMs } from './outcome.ts';
import { taskFields } from './task-log.ts';

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

export interface ReportDeps {
  readonly runtime: Runtime;
  /** The listeners of the worker. */
  readonly listeners: Events<WorkerEvents>;
}

/** A task that has ended, and what made its last attempt fail. */
interface EndedTask {
  readonly finish: Finish;
  readonly thrown: unknown;
}

type FailedFinish = Extract<Finish, { outcome: 'retry' | 'archive' }>;

/** What events say of a task: a leased one also has its payload and its lease token. */
const taskRef = ({ queue, id }: LeasedTask): TaskRef => ({ queue, id });

/** `startedMs`: wall-clock ms. */
export function reportStarted({ events }: Runtime, task: LeasedTask, startedMs: number): void {
  if (!events.has('attempt.started')) return;
  events.emit('attempt.started', {
    task: taskRef(task),
    type: task.type,
    attempt: task.attempt,
    waitMs: startWaitMs(task, startedMs) ?? null,
    business: task.meta.business ?? null,
    callback: task.meta.callback,
  });
}

/** The broker has accepted the finish. `thrown`: what made the attempt fail. */
export function reportFinished(
  { runtime, listeners }: ReportDeps,
  { finish, thrown }: EndedTask,
  outcome: Exclude<FinishOutcome, 'lease-lost'>,
): void {
  const runMs = isGivenBack(finish) ? 0 : finish.record.finishedMs - finish.record.startedMs;
  const ended = outcome === 'cancelled' ? 'cancelled' : OUTCOME[finish.outcome];
  if (ended === 'failed' || ended === 'archived') logFailed(runtime.log, finish as FailedFinish, thrown);
  tellListeners(listeners, { finish, thrown }, { outcome: ended, runMs });
  emitFinished(runtime, finish.task, {
    outcome: ended,
    runMs,
    record: isGivenBack(finish) ? null : finish.record,
  });
}

const isCounted = (finish: FailedFinish): boolean => finish.outcome === 'archive' || finish.countsAsFailure;

/** Tells the listeners of the worker. */
function tellListeners(
  listeners: Events<WorkerEvents>,
  { finish, thrown: error }: EndedTask,
  { outcome, runMs }: { readonly outcome: AttemptOutcome; readonly runMs: number },
): void {
  const { task } = finish;
  const common = () => ({ task: taskRef(task), type: task.type, attempt: task.attempt, runMs });
  if (outcome === 'succeeded' && listeners.has('completed')) listeners.emit('completed', common());
  if (outcome !== 'failed' && outcome !== 'archived') return;
  const { record } = finish as FailedFinish;
  const { reason = '', nextMs } = record;
  const nextAt = nextMs === undefined ? null : new Date(nextMs);
  if (listeners.has('failed') && isCounted(finish as FailedFinish))
    listeners.emit('failed', { ...common(), error, reason, nextAt });
  if (outcome === 'archived' && listeners.has('archived'))
    listeners.emit('archived', { ...common(), error, reason });
}

/** One line for the failed attempt, unless its handler has written it, and one for the dead letter. */
function logFailed(log: Log, finish: FailedFinish, thrown: unknown): void {
  const { task, record } = finish;
  const { error, nextMs, reason } = record;
  const fields = {
    ...taskFields(task),
    next_at: nextMs === undefined ? undefined : new Date(nextMs).toISOString(),
    duration_ms: record.finishedMs - record.startedMs,
    status: error?.status,
    reason,
    err: error,
  };
  if (!isCounted(finish))
    log.debug(fields, 'an attempt failed, and its worker does not count it as a failure');
  else if (hintsOf(thrown).isLogged !== true) log.warn(fields, 'an attempt failed');
  if (finish.outcome === 'archive') log.error(fields, 'a task was archived: a dead letter');
}

export function reportLeaseLost({ log, events }: Runtime, { task, lossCause: cause }: HeldTask): void {
  log.warn({ ...taskFields(task), cause }, 'a lease was lost; the outcome of its attempt is dropped');
  events.emit('lease.lost', { task: taskRef(task), cause });
}

/** The attempt has ended without an outcome. */
export function reportLost(runtime: Runtime, held: HeldTask): void {
  reportLeaseLost(runtime, held);
  emitFinished(runtime, held.task, { outcome: 'lost', runMs: 0, record: null });
}

function emitFinished(
  { events }: Runtime,
  task: LeasedTask,
  { outcome, runMs, record }: Pick<EngineEvents['attempt.finished'], 'outcome' | 'runMs' | 'record'>,
): void {
  if (!events.has('attempt.finished')) return;
  events.emit('attempt.finished', {
    task: taskRef(task),
    type: task.type,
    attempt: task.attempt,
    outcome,
    runMs,
    waitMs: record?.waitMs ?? null,
    business: task.meta.business ?? null,
    callback: task.meta.callback,
    record,
  });
}
