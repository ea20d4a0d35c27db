// The submit facet on the main thread: sends new tasks to the writer thread in batches.
import { createHash } from 'node:crypto';
import { wholeTimeoutMs } from '@task-center/model';
import { MAX_BATCH } from '../../../../broker/bounds.ts';
import type { CallOptions } from '../../../../broker/call-options.ts';
import type { EnqueueOutcome, NewTask, Submit } from '../../../../broker/submit.ts';
import { failureOf, throwFirst } from '../../../../errors/failures.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import { forEachAsync } from '../../../../runtime/for-each-async.ts';
import { encodeMeta } from '../../../../task/meta.ts';
import { indexNames, NEW_TASK, type NewTaskItem, type Row } from '../../rows.ts';
import {
  STORED_PENDING,
  LOCK_HELD,
  STORED_IN_GROUP,
  ID_TAKEN,
  type EnqueueAnswer,
} from '../../thread/facets/submit.ts';
import type { Writer } from '../writer.ts';

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

/** Calls of `MAX_BATCH` tasks that wait for the disk at a time. Reading goes on when the oldest of them has ended. */
const MAX_OPEN_BATCHES = 16;

/**
 * Tasks are read from the caller and stored in batches, some of them at a time. A batch is stored as a whole or not at all;
 * the outcome of each task is its own.
 */
export function createSubmit(writer: Writer, name: string): Submit {
  async function store(tasks: readonly NewTask[], options?: CallOptions): Promise<EnqueueOutcome[]> {
    const queues = indexNames(tasks.map(({ queue }) => queue));
    const rows = tasks.map((task, index) => newTaskRow(task, queues.indexes[index]!));
    const bytes = tasks.map(({ payload }) => payload);
    const { data } = await writer.run('enqueue', { data: { queues: queues.names, rows }, bytes }, options);
    return outcomesOf(data);
  }

  return {
    async enqueue(tasks, options) {
      if (options?.durability === 'replicated') throw replicationUnsupported(name);
      const calls: Promise<EnqueueOutcome[]>[] = [];
      let batch: NewTask[] = [];
      // The writer thread stores a batch while the next one is read from the caller.
      const waiting = forEachAsync(tasks, (task) => {
        batch.push(task);
        if (batch.length < MAX_BATCH) return undefined;
        calls.push(store(batch, options));
        batch = [];
        const oldest = calls[calls.length - MAX_OPEN_BATCHES];
        return oldest && failureOf(oldest);
      });
      if (waiting) await waiting;
      if (batch.length > 0) calls.push(store(batch, options));
      // All batches have ended before an error is thrown: none is stored after the caller knows.
      throwFirst(await Promise.all(calls.map(failureOf)));
      return (await Promise.all(calls)).flat();
    },
  };
}
