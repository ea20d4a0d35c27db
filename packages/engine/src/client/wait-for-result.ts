import { MAX_DURATION_MS, type Duration } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { TaskRecord } from '../broker/inspect.ts';
import type { NewTask } from '../broker/submit.ts';
import { invalidValue, isTaskCenterError, messageOf, TaskCenterError } from '../errors/task-center-error.ts';
import type { TaskRef } from '../runtime/events.ts';
import { polling } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { whenAborted } from '../runtime/when-aborted.ts';
import { unlessAborted } from '../runtime/within.ts';
import { durationMs } from '../checks/duration.ts';
import { createFieldsCheck, createOptionsCheck, required, type OptionRows } from '../checks/options.ts';
import { abortSignal, lengthOfTime, filledText, orNull, anyText } from '../checks/values.ts';
import { checkedResult, taskOrDefinition, type TaskDefinition } from '../task/define-task.ts';
import { decodeJson } from '../task/payload.ts';

/** How to wait for a task. */
export interface WaitOptions {
  /**
   * How long to wait for the end of the task, its attempts and the pauses between them included. Then the call fails with
   * `wait-over`, and the task goes on. How long one attempt may take is the task's `timeout`. Default 30 s.
   */
  readonly wait?: Duration | undefined;
  /** Ends the wait when it aborts: the call rejects with its reason. The task goes on. */
  readonly signal?: AbortSignal | undefined;
}

/** Names the task whose result is wanted. Whatever has these fields can be given, such as what `enqueue` resolved to. */
export interface ResultAddress {
  /** The stored queue. */
  readonly queue: string;
  /** The ID that `enqueue` took or returned. */
  readonly id: string;
  /** The `businessId` it was enqueued with, if any. Null or left out = none. */
  readonly businessId?: string | null;
}

export interface ResultOptions<Result = unknown> extends WaitOptions {
  /** The definition whose schema `result` checks the result. Default: it is taken as it is. */
  readonly task?: TaskDefinition<unknown, unknown, unknown, Result>;
}

/** A task that somebody waits for. */
export interface AwaitedTask extends TaskRef {
  /** Its ID as its owner knows it, for errors. */
  readonly plainId: string;
  /** It has just been stored. Any other is looked at before the wait, as it may have ended. */
  readonly isNew: boolean;
}

/** One call that waits. */
interface ResultWait extends AwaitedTask {
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

const WAIT_ROWS: OptionRows<WaitOptions> = { wait: lengthOfTime, signal: abortSignal };

export const checkWaitOptions = createOptionsCheck<WaitOptions>('enqueueAndWait', WAIT_ROWS);

export const checkResultOptions = createOptionsCheck<ResultOptions>('result', {
  ...WAIT_ROWS,
  task: taskOrDefinition,
});

export const checkResultAddress = createFieldsCheck<ResultAddress>('task', {
  queue: required(anyText),
  id: required(filledText),
  businessId: orNull(anyText),
});

const DEFAULT_WAIT: Duration = '30s';
const waitMsOf = (wait: Duration = DEFAULT_WAIT): number => durationMs(wait, 'wait');

/** A task that somebody waits for is kept for this time after the wait: its worker's clock may be behind. */
const RETENTION_SPARE_MS = 60_000;

/** The task with the retention that the wait needs. @throws TaskCenterError `invalid-value` */
export function keptForWait(task: NewTask, wait: Duration | undefined): NewTask {
  if (task.group !== null)
    throw invalidValue('group', task.group, 'none: a task of a group never runs itself, and has no result');
  const neededMs = Math.min(MAX_DURATION_MS, waitMsOf(wait) + RETENTION_SPARE_MS);
  return { ...task, retentionMs: Math.max(task.retentionMs, neededMs) };
}

/**
 * A task is looked at this often even without a wake-up, in case one was lost. A random part of up to a half is added, because
 * many waits begin at once.
 */
const LOOK_AGAIN_MS = 5_000;
/** Pause after a look that the broker did not answer. */
const RETRY_MS = 250;

const hasEnded = ({ state }: TaskRecord): boolean =>
  state === 'completed' || state === 'archived' || state === 'cancelled';

/** Whether a look may succeed later that failed with this error. */
const isTransient = (error: unknown): boolean => isTaskCenterError(error, 'broker-unavailable');

/** Waits until tasks have ended, woken by the broker, and reads what they resulted in. */
export class ResultWaiter {
  readonly #broker: Pick<Broker, 'inspect' | 'signals' | 'lifetime'>;
  readonly #runtime: Pick<Runtime, 'clock' | 'random'>;

  constructor(
    broker: Pick<Broker, 'inspect' | 'signals' | 'lifetime'>,
    runtime: Pick<Runtime, 'clock' | 'random'>,
  ) {
    this.#broker = broker;
    this.#runtime = runtime;
  }

  /** @throws TaskCenterError `task-failed`, `task-cancelled`, `wait-over`, `result-gone`, `invalid-value`, as any call */
  async wait<Result>(awaited: AwaitedTask, { wait, signal, task }: ResultOptions<Result>): Promise<Result> {
    const waiting: ResultWait = { ...awaited, waitMs: waitMsOf(wait), signal };
    const over = new AbortController();
    const end = () => over.abort();
    const timer = this.#runtime.clock.sleep(waiting.waitMs, over.signal).then(end);
    const forget = signal && whenAborted(signal, end);
    try {
      signal?.throwIfAborted();
      const ended = await this.#waitForOutcome(waiting, over.signal);
      const result = ended instanceof Uint8Array ? readResult(waiting, ended) : resultOf(waiting, ended);
      return task ? await checkedResult(task, result) : (result as Result);
    } finally {
      forget?.();
      end();
      await timer;
    }
  }

  /** The result of the task, or the task itself once it has ended; null = it is gone. */
  async #waitForOutcome(task: ResultWait, over: AbortSignal): Promise<Uint8Array | TaskRecord | null> {
    let looks = !task.isNew;
    let failure: unknown;
    // A wait of 0 ms looks once.
    do {
      if (looks) {
        const look = await this.#look(task, over);
        if ('record' in look && (look.record === null || hasEnded(look.record))) return look.record;
        failure = 'error' in look ? look.error : undefined;
      }
      looks = true;
      this.#broker.lifetime.checkOpen();
      if (failure === undefined) {
        const result = await this.#waitForEnd(task, over);
        if (result !== null) return result;
      } else {
        await this.#runtime.clock.sleep(RETRY_MS, over);
      }
    } while (!over.aborted);
    task.signal?.throwIfAborted();
    const { plainId, queue, waitMs } = task;
    const cause = failure === undefined ? undefined : messageOf(failure);
    throw new TaskCenterError('wait-over', { id: plainId, queue, waitMs, cause }, { cause: failure });
  }

  /** Reads the task, for no longer than the wait lasts. Only an error that may pass is returned. */
  async #look(
    { queue, id, waitMs }: ResultWait,
    over: AbortSignal,
  ): Promise<{ readonly record: TaskRecord | null } | { readonly error: unknown }> {
    let outcome: { record: TaskRecord | null } | { error: unknown } = { error: undefined };
    const looking = this.#broker.inspect.task({ queue, id }).then(
      (record) => void (outcome = { record }),
      (error: unknown) => {
        if (!isTransient(error)) throw error;
        outcome = { error };
      },
    );
    // A wait of 0 ms has its look all the same.
    await (waitMs === 0 ? looking : unlessAborted(looking, over));
    return outcome;
  }

  /**
   * Waits for a wake-up, or for the time at which the task is looked at without one. The end of the broker wakes as well: a worker on it
   * may just have ended the task.
   */
  async #waitForEnd({ queue, id }: ResultWait, over: AbortSignal): Promise<Uint8Array | null> {
    const { clock, random } = this.#runtime;
    const stop = new AbortController();
    const end = () => stop.abort();
    over.addEventListener('abort', end, { once: true });
    if (over.aborted) end();
    const forget = this.#broker.lifetime.onEnd(end);
    const check = polling(clock)
      .sleep(LOOK_AGAIN_MS * (1 + random() / 2), stop.signal)
      .then(end);
    const result = await this.#broker.signals.waitForEnd({ queue, id }, stop.signal);
    over.removeEventListener('abort', end);
    forget();
    end();
    await check;
    return result;
  }
}

/** What a task resulted in, or the error that says why there is none. */
function resultOf(task: AwaitedTask, record: TaskRecord | null): unknown {
  const { queue, plainId: id } = task;
  if (record === null) {
    const cause = 'it ended and was not kept, was removed, or never was';
    throw new TaskCenterError('result-gone', { id, queue, cause });
  }
  const last = record.attempts.at(-1);
  if (record.state === 'archived') {
    const error = record.lastError?.message ?? 'it was archived';
    throw new TaskCenterError('task-failed', { id, queue, error, reason: last?.reason });
  }
  if (record.state === 'cancelled') {
    const { by, reason } = record.cancelled ?? {};
    throw new TaskCenterError('task-cancelled', { id, queue, by, reason });
  }
  if (record.result === null && last?.isResultDropped)
    throw new TaskCenterError('result-gone', { id, queue, cause: last.reason ?? 'it was not kept' });
  return readResult(task, record.result);
}

function readResult({ plainId }: AwaitedTask, result: Uint8Array | null): unknown {
  try {
    return decodeJson(result);
  } catch (error) {
    throw new TaskCenterError(
      'invalid-value',
      {
        name: `result of task "${plainId}"`,
        got: `bytes that are not JSON: ${messageOf(error)}`,
        expected: 'JSON; the inspector has the bytes',
      },
      { cause: error },
    );
  }
}
