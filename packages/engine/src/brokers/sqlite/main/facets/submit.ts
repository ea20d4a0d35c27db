import { createHash } from 'node:crypto';
import type { EnqueueOutcome, NewTask, Submit } from '../../../../broker/submit.ts';
import type { CallOptions } from '../../../../broker/call-options.ts';
import { failureOf, throwFirst } from '../../../../errors/failures.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import { forEachAsync } from '../../../../runtime/for-each-async.ts';
import { encodeMeta } from '../../../../task/meta.ts';
import { AT_ONCE, HELD, JOINED, TAKEN, type EnqueueReply, type NewRow } from '../../thread/facets/submit.ts';
import { wholeTimeoutMs } from '../../../../task/duration.ts';
import type { Writer } from '../writer.ts';
import { placesOf } from './places.ts';

const SECOND_MS = 1_000;
/** As Asynq's messages keep times, so that both brokers tell the same. */
const wholeSeconds = (ms: number): number => Math.ceil(ms / SECOND_MS) * SECOND_MS;

function encodeHeaders(headers: Readonly<Record<string, string>>): string | null {
  const text = JSON.stringify(headers);
  return text === '{}' ? null : text;
}

/** What makes two tasks equal: businesses do not see each other's (design D12). */
function lockOf({ queue, type, payload, uniqueMs, meta }: NewTask): NewRow[12] {
  if (uniqueMs <= 0) return null;
  const hash = payload && createHash('md5').update(payload).digest('hex');
  return [JSON.stringify([queue, type, meta.business ?? null, hash]), uniqueMs];
}

export function newRow(task: NewTask, queue: number): NewRow {
  return [
    queue,
    task.id,
    task.type,
    task.maxRetries,
    wholeTimeoutMs(task.timeoutMs),
    wholeSeconds(task.deadlineMs),
    wholeSeconds(task.retentionMs),
    task.delayMs,
    task.runAtMs,
    task.meta.business ?? null,
    encodeMeta(task.meta),
    encodeHeaders(task.headers),
    lockOf(task),
    task.group,
  ];
}

/** What the numbers of a reply say. */
export function outcomes({ nowMs, dues, holders }: EnqueueReply): EnqueueOutcome[] {
  let holder = 0;
  return dues.map((due) => {
    if (due === TAKEN) return { code: 'task-exists' };
    if (due === HELD) return { code: 'duplicate-task', holder: holders[holder++] ?? null };
    if (due === JOINED) return { code: 'created', state: 'aggregating', dueMs: nowMs };
    if (due === AT_ONCE) return { code: 'created', state: 'pending', dueMs: nowMs };
    return { code: 'created', state: 'scheduled', dueMs: due };
  });
}

const withoutReplicas = (broker: string) =>
  new TaskCenterError('durability-unsupported', {
    broker,
    durability: 'replicated',
    cause: 'a SQLite file has no replicas',
  });

/** Tasks of a call to the writer: it stores the first while the next are read. */
const MAX_BATCH = 256;
/** So many calls may wait for the disk before the next one does. */
const MAX_CALLS = 16;

export function createSubmit(writer: Writer, name: string): Submit {
  async function store(tasks: readonly NewTask[], options?: CallOptions): Promise<EnqueueOutcome[]> {
    const queues = placesOf(tasks.map(({ queue }) => queue));
    const rows = tasks.map((task, i) => newRow(task, queues.places[i]!));
    const bytes = tasks.map(({ payload }) => payload);
    const { data } = await writer.run('enqueue', { data: { queues: queues.names, rows }, bytes }, options);
    return outcomes(data);
  }

  return {
    async enqueue(tasks, options) {
      if (options?.durability === 'replicated') throw withoutReplicas(name);
      const calls: Promise<EnqueueOutcome[]>[] = [];
      let some: NewTask[] = [];
      const waiting = forEachAsync(tasks, (task) => {
        some.push(task);
        if (some.length < MAX_BATCH) return undefined;
        calls.push(store(some, options));
        some = [];
        const earlier = calls[calls.length - MAX_CALLS];
        return earlier && failureOf(earlier);
      });
      if (waiting) await waiting;
      if (some.length > 0) calls.push(store(some, options));
      throwFirst(await Promise.all(calls.map(failureOf)));
      return (await Promise.all(calls)).flat();
    },
  };
}
