import { isTaskCenterError, TaskCenterError } from '../../../errors/task-center-error.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { EnqueueOutcome, NewTask, Submit } from '../../../broker/submit.ts';
import type { Assurance, Durabilities } from './durability.ts';
import { groupKey, QUEUES_KEY, taskKey } from '../../../protocol/keys.ts';
import { encodeMessage } from '../../../protocol/message.ts';
import { uniqueKey } from '../../../protocol/unique-key.ts';
import type { RedisParts } from '../parts.ts';
import type { RunOptions } from '../connection.ts';
import type { Receipt } from '../receipts.ts';
import { wholeTimeoutMs } from '../../../task/duration.ts';
import { enqueue, type EnqueueCall, type Enqueued, type EnqueueItem } from '../scripts/enqueue.ts';
import { metaText } from './stored-meta.ts';
import { isRefusal, staleCall, takeReceipt, wrongType } from './outcomes.ts';

/** Bounds of a script call (design D2). */
const MOST_ITEMS = 256;
const MOST_BYTES = 524_288;
/** A queue that somebody removed is registered again after this (protocol D17). */
const REGISTERED_MS = 10_000;
const S = 1_000;

/** A task on its way: its place in the caller's list, and what is sent. */
interface Parcel {
  readonly place: number;
  readonly task: NewTask;
  readonly item: EnqueueItem;
}

/** One script call. */
interface Chunk {
  readonly queue: string;
  readonly receipt: Receipt;
  readonly parcels: readonly Parcel[];
  readonly left: RunOptions;
  readonly assurance: Assurance | null;
}

/** The lock's key (protocol 1.5), '' = none. */
function lockOf({ queue, type, payload, uniqueMs, meta }: NewTask): string {
  return uniqueMs <= 0 ? '' : uniqueKey({ queue, type, payload, business: meta.business ?? null });
}

/** A task as scripts take it. @throws TaskCenterError `invalid-value` for a text that no Go program could read */
export function itemOf(task: NewTask): EnqueueItem {
  const { id, meta, payload } = task;
  const lock = lockOf(task);
  const group = task.group ?? '';
  const message = encodeMessage({
    type: task.type,
    payload,
    id,
    queue: task.queue,
    retry: task.maxRetries,
    timeout: wholeTimeoutMs(task.timeoutMs) / S,
    deadline: Math.ceil(task.deadlineMs / S),
    retention: Math.ceil(task.retentionMs / S),
    headers: task.headers,
    uniqueKey: lock,
    groupKey: group,
  });
  return {
    id,
    message,
    meta: metaText(meta, payload),
    // Never early, also by a part of a millisecond.
    delayMs: Math.ceil(task.delayMs),
    runAtMs: Math.ceil(task.runAtMs),
    lock,
    // From the task's start (protocol 2.5).
    lockSeconds: lock === '' ? 0 : Math.max(1, task.uniqueMs / S),
    group,
  };
}

function byQueue(tasks: readonly NewTask[], outcomes: EnqueueOutcome[]): Map<string, Parcel[]> {
  const queues = new Map<string, Parcel[]>();
  tasks.forEach((task, place) => {
    try {
      const parcel = { place, task, item: itemOf(task) };
      const known = queues.get(task.queue);
      if (known) known.push(parcel);
      else queues.set(task.queue, [parcel]);
    } catch (error) {
      // A text that no Go program could read spoils its own task only.
      if (!isTaskCenterError(error, 'invalid-value')) throw error;
      outcomes[place] = { code: 'broker-corrupt', cause: error.message };
    }
  });
  return queues;
}

function chunksOf(parcels: readonly Parcel[]): Parcel[][] {
  const chunks: Parcel[][] = [];
  let bytes = Infinity;
  for (const parcel of parcels) {
    const size = parcel.item.message.length + parcel.item.meta.length;
    const last = chunks.at(-1);
    if (last && last.length < MOST_ITEMS && bytes + size <= MOST_BYTES) {
      last.push(parcel);
      bytes += size;
    } else {
      chunks.push([parcel]);
      bytes = size;
    }
  }
  return chunks;
}

/** What a script's code says of a task; `d`, a held lock, is told elsewhere. */
export function outcomeOf(
  { task, item }: Pick<Parcel, 'task' | 'item'>,
  code: string | undefined,
  nowMs: number,
): EnqueueOutcome {
  if (code === '0') return { code: 'task-exists' };
  if (code !== '1') {
    const corrupt = [
      taskKey(task.queue, item.id),
      ...(task.group === null ? [] : [groupKey(task.queue, task.group)]),
    ];
    return { code: 'broker-corrupt', cause: wrongType(corrupt.join(' or ')) };
  }
  const dueMs = Math.max(nowMs + item.delayMs, item.runAtMs);
  if (dueMs > nowMs) return { code: 'created', state: 'scheduled', dueMs };
  return { code: 'created', state: task.group === null ? 'pending' : 'aggregating', dueMs: nowMs };
}

function outcomesOf(parcels: readonly Parcel[], { codes, holders, nowMs }: Enqueued): EnqueueOutcome[] {
  let holder = 0;
  return parcels.map((parcel, i) => {
    if (codes[i] !== 'd') return outcomeOf(parcel, codes[i], nowMs);
    holder += 1;
    return { code: 'duplicate-task', holder: holders[holder - 1] || null };
  });
}

function businessesOf(chunk: readonly Parcel[]): string[] {
  const names = new Set<string>();
  for (const { task } of chunk) if (task.meta.business !== undefined) names.add(task.meta.business);
  return [...names];
}

/** Null = the call succeeded. */
type Failure = { readonly error: unknown } | null;

/** Settles at once, so that no failure goes unheard while later calls are still being sent. */
function failureOf(call: Promise<unknown>): Promise<Failure> {
  return call.then(
    () => null,
    (error: unknown) => ({ error }),
  );
}

const wasNotStored = (failure: Failure): boolean =>
  failure !== null &&
  isTaskCenterError(failure.error, 'broker-unavailable') &&
  failure.error.details.outcome === 'not_stored';

/** Throws the first failure; where others may have stored tasks, it does not say that nothing was stored. */
function throwFirst(failures: readonly Failure[]): void {
  const first = failures.find((failure) => failure !== null);
  if (!first) return;
  const { error } = first;
  if (!isTaskCenterError(error, 'broker-unavailable') || failures.every(wasNotStored)) throw error;
  throw new TaskCenterError('broker-unavailable', { ...error.details, outcome: 'unknown' }, { cause: error });
}

/** Enters queues into Asynq's list of queues, each at most every 10 s unless it is `lost`. */
function createRegistry({ connection, runtime: { clock } }: RedisParts) {
  const enteredMs = new Map<string, number>();
  return async (queue: string, options?: CallOptions, lost = false): Promise<void> => {
    const now = clock.monotonicMs();
    if (!lost && now - (enteredMs.get(queue) ?? -Infinity) < REGISTERED_MS) return;
    enteredMs.set(queue, now);
    try {
      await connection.command(['SADD', QUEUES_KEY, queue], options);
    } catch (error) {
      enteredMs.delete(queue);
      throw error;
    }
  };
}

/** Runs the script, made as safe as was asked for. */
async function send({ connection }: RedisParts, call: EnqueueCall, { left, assurance }: Chunk) {
  if (assurance === null) return { reply: await connection.run(enqueue, call, left), reached: true };
  const { confirm } = assurance;
  const { reply, confirmed } = await assurance.connection.runConfirmed(enqueue, call, { ...left, confirm });
  return { reply, reached: assurance.reached(confirmed) };
}

/** What was stored is told apart from what was stored and is safe. */
const lessSafe = (outcome: EnqueueOutcome): EnqueueOutcome =>
  outcome.code === 'created' ? { ...outcome, code: 'durability-not-reached' } : outcome;

export function createSubmit(parts: RedisParts, durabilities: Durabilities): Submit {
  const { connection } = parts;
  const register = createRegistry(parts);

  /** Stores a chunk and fills in its outcomes. */
  async function store(chunk: Chunk, outcomes: EnqueueOutcome[]): Promise<void> {
    const { queue, receipt, parcels, left } = chunk;
    const call = {
      queue,
      receipt,
      items: parcels.map(({ item }) => item),
      businesses: businessesOf(parcels),
    };
    try {
      const { reply, reached } = await send(parts, call, chunk);
      if (isRefusal(reply) && 'stale' in reply) throw staleCall(connection.name);
      if (!isRefusal(reply) && reply.isNew) await register(queue, left, true);
      const told = isRefusal(reply) ? [] : outcomesOf(parcels, reply);
      const found = reached ? told : told.map(lessSafe);
      parcels.forEach(({ place }, i) => {
        const corrupt = isRefusal(reply) && 'corrupt' in reply ? reply.corrupt : queue;
        outcomes[place] = found[i] ?? { code: 'broker-corrupt', cause: wrongType(corrupt) };
      });
    } finally {
      receipt.release();
    }
  }

  return {
    async enqueue(tasks, options = {}) {
      const assurance = await durabilities.assurance(options.durability ?? 'memory', options);
      const outcomes: EnqueueOutcome[] = [];
      const calls: Promise<Failure>[] = [];
      const sendQueue = async ([queue, parcels]: [string, Parcel[]]): Promise<void> => {
        const registered = failureOf(register(queue, options));
        calls.push(registered);
        // What a replica has must not be missing in its list of queues.
        if (assurance !== null) await registered;
        // Once a call has failed, no more are sent: they would only take as long again.
        let failed = false;
        for (const chunk of chunksOf(parcels)) {
          const stored = await takeReceipt(parts, queue, options).then(
            (taken) => ({
              failure: failureOf(store({ queue, parcels: chunk, assurance, ...taken }, outcomes)),
            }),
            (error: unknown) => ({ failure: Promise.resolve({ error }) }),
          );
          calls.push(stored.failure);
          void stored.failure.then((failure) => (failed ||= failure !== null));
          if (failed) return;
        }
      };
      await Promise.all([...byQueue(tasks, outcomes)].map(sendQueue));
      throwFirst(await Promise.all(calls));
      return outcomes;
    },
  };
}
