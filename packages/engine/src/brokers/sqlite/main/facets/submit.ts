// The submit facet on the main thread: sends new tasks to the writer thread in batches.
import { createHash } from 'node:crypto';
import { wholeTimeoutMs } from '@task-center/model';
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../../broker/bounds.ts';
import type { CallOptions } from '../../../../broker/call-options.ts';
import type { EnqueueOutcome, NewTask, Submit } from '../../../../broker/submit.ts';
import { failedOutcome, notSent, throwIfAllFailed, type FailedOutcome } from '../../../../errors/failures.ts';
import { messageOf, TaskCenterError } from '../../../../errors/task-center-error.ts';
import { forEachAsync } from '../../../../runtime/for-each-async.ts';
import { encodeMeta } from '../../../../task/meta.ts';
import { NEW_TASK, type NewTaskItem, type Row } from '../../rows.ts';
import {
  STORED_PENDING,
  LOCK_HELD,
  STORED_IN_GROUP,
  ID_TAKEN,
  type EnqueueAnswer,
} from '../../thread/facets/submit.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** Rounds up to whole seconds, which is all that Asynq's messages keep: both brokers then show the same times. */
export const wholeSeconds = (ms: number): number => Math.ceil(ms / 1_000) * 1_000;

/** JSON; null = no headers, which most tasks have. */
function encodeHeaders(headers: Readonly<Record<string, string>>): string | null {
  const text = JSON.stringify(headers);
  return text === '{}' ? null : text;
}

/**
 * The key that duplicate tasks share; null = the task needs no lock. It names the business: a task must not be a duplicate
 * of another business's.
 */
function uniqueKeyOf({ queue, type, payload, uniqueMs, meta }: NewTask): string | null {
  if (uniqueMs <= 0) return null;
  const hash = payload && createHash('md5').update(payload).digest('hex');
  return JSON.stringify([queue, type, meta.business ?? null, hash]);
}

/** The message of a new task; `queue` is the index of its queue in the call. */
export function newTaskRow(task: NewTask, queue: number): Row<NewTaskItem> {
  const { id, type, maxRetries, delayMs, runAtMs, uniqueMs, meta } = task;
  return NEW_TASK.toRow({
    queue,
    id,
    type,
    maxRetries,
    timeoutMs: wholeTimeoutMs(task.timeoutMs),
    deadlineMs: wholeSeconds(task.deadlineMs),
    retentionMs: wholeSeconds(task.retentionMs),
    delayMs,
    runAtMs,
    business: meta.business ?? null,
    meta: encodeMeta(meta),
    headers: encodeHeaders(task.headers),
    uniqueKey: uniqueKeyOf(task),
    uniqueMs,
    inGroup: task.group,
  });
}

/** What became of each task. The thread lists the holders of locks apart, since few tasks have one. */
export function outcomesOf({ nowMs, results, holders }: EnqueueAnswer): EnqueueOutcome[] {
  let nextHolder = 0;
  return results.map((result) => {
    if (result === ID_TAKEN) return { code: 'task-exists' };
    if (result === LOCK_HELD) return { code: 'duplicate-task', holder: holders[nextHolder++] ?? null };
    if (result === STORED_IN_GROUP) return { code: 'created', state: 'aggregating', dueMs: nowMs };
    if (result === STORED_PENDING) return { code: 'created', state: 'pending', dueMs: nowMs };
    return { code: 'created', state: 'scheduled', dueMs: result };
  });
}

const replicationUnsupported = (broker: string) =>
  new TaskCenterError('durability-unsupported', {
    broker,
    durability: 'replicated',
    cause: 'a SQLite file has no replicas',
  });

/** Calls that wait for the disk at a time, and their bytes. Reading goes on when the oldest of them has ended. */
const MAX_OPEN_CALLS = 16;
const MAX_OPEN_BYTES = 4 * MAX_BATCH_BYTES;

/** The tasks of one call, with their places in what the caller has given. */
interface Part {
  readonly payloads: (Uint8Array | null)[];
  readonly rows: Row<NewTaskItem>[];
  readonly indexes: number[];
  readonly queues: Map<string, number>;
  bytes: number;
}

const emptyPart = (): Part => ({ payloads: [], rows: [], indexes: [], queues: new Map(), bytes: 0 });

/** The tasks of one `enqueue`: in parts, some of them at a time, while the next ones are read from the caller. */
class FileSubmission {
  readonly #writer: StoreCalls;
  readonly #name: string;
  readonly #options: CallOptions | undefined;
  readonly #outcomes: EnqueueOutcome[] = [];
  /** Calls that have not ended, the oldest first. None of them rejects. */
  readonly #open: { readonly bytes: number; readonly ended: Promise<void> }[] = [];
  #openBytes = 0;
  #part = emptyPart();
  #count = 0;
  /** A call has failed: no more are sent, as the broker would refuse them for the same reason. */
  #failed: FailedOutcome | null = null;

  constructor(writer: StoreCalls, name: string, options: CallOptions | undefined) {
    this.#writer = writer;
    this.#name = name;
    this.#options = options;
  }

  /** Returns a promise if the caller must wait before it adds more. */
  add(task: NewTask): Promise<void> | undefined {
    const index = this.#count;
    this.#count += 1;
    const size = task.payload?.length ?? 0;
    const isFull = this.#part.rows.length === MAX_BATCH || this.#part.bytes + size > MAX_BATCH_BYTES;
    if (isFull && this.#part.rows.length > 0) this.#send();
    this.#put(task, index, size);
    return this.#open.length > MAX_OPEN_CALLS || this.#openBytes > MAX_OPEN_BYTES
      ? this.#open[0]?.ended
      : undefined;
  }

  /** All calls have ended before it resolves: none of the tasks is stored after the caller knows. */
  async end(): Promise<EnqueueOutcome[]> {
    if (this.#part.rows.length > 0) this.#send();
    await Promise.all(this.#open.map(({ ended }) => ended));
    return throwIfAllFailed(this.#outcomes);
  }

  /** A task that cannot be written as a row fails alone. */
  #put(task: NewTask, index: number, size: number): void {
    const part = this.#part;
    const queue = part.queues.get(task.queue) ?? part.queues.size;
    try {
      part.rows.push(newTaskRow(task, queue));
    } catch (error) {
      this.#outcomes[index] = { code: 'broker-corrupt', cause: messageOf(error) };
      return;
    }
    part.queues.set(task.queue, queue);
    part.payloads.push(task.payload);
    part.indexes.push(index);
    part.bytes += size;
  }

  #send(): void {
    const part = this.#part;
    this.#part = emptyPart();
    if (this.#failed !== null) return this.#settle(part, this.#failed);
    const call = { bytes: part.bytes, ended: this.#store(part) };
    this.#open.push(call);
    this.#openBytes += part.bytes;
    void call.ended.then(() => {
      this.#open.splice(this.#open.indexOf(call), 1);
      this.#openBytes -= call.bytes;
    });
  }

  /** A part is stored as a whole or not at all; the outcome of each task is its own. */
  async #store(part: Part): Promise<void> {
    const request = {
      data: { queues: [...part.queues.keys()], rows: part.rows },
      bytes: part.payloads,
    };
    try {
      const { data } = await this.#writer.run('enqueue', request, this.#options);
      outcomesOf(data).forEach((outcome, i) => (this.#outcomes[part.indexes[i]!] = outcome));
    } catch (error) {
      const failed = failedOutcome(error, this.#name);
      this.#failed ??= notSent(failed);
      this.#settle(part, failed);
    }
  }

  #settle({ indexes }: Part, outcome: FailedOutcome): void {
    for (const index of indexes) this.#outcomes[index] = outcome;
  }
}

/** Storing new tasks. */
export function createSubmit(writer: StoreCalls, name: string): Submit {
  return {
    async enqueue(tasks, options) {
      if (options?.durability === 'replicated') throw replicationUnsupported(name);
      const submission = new FileSubmission(writer, name, options);
      const waiting = forEachAsync(tasks, (task) => submission.add(task));
      if (waiting) await waiting;
      return submission.end();
    },
  };
}
