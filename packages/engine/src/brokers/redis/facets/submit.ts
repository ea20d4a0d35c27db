// The submit facet on Redis. The tasks of all queues come in one stream. They are collected into one call per queue, which is
// sent when it is full. The outcomes are returned in the order of the stream.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../broker/bounds.ts';
import { forEachAsync } from '../../../runtime/for-each-async.ts';
import { messageOf } from '../../../errors/task-center-error.ts';
import {
  failedOutcome,
  failureOf,
  inDoubt,
  notSent,
  throwIfAllFailed,
  type FailedOutcome,
  type Failure,
} from '../../../errors/failures.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { EnqueueOutcome, NewTask, Submit } from '../../../broker/submit.ts';
import type { Assurance, Durabilities } from '../calls/durability.ts';
import type { RedisDeps } from '../deps.ts';
import type { RunOptions } from '../client/redis-client.ts';
import { enqueue, type EnqueueCall } from '../scripts/submit/enqueue.ts';
import type { Refusal } from '../scripts/reply.ts';
import { isRefusal, staleCallError, wrongTypeText } from '../calls/refusals.ts';
import { takeReceipt, type TakenReceipt } from '../calls/with-receipt.ts';
import { businessesOf, EncodedTask, enqueueOutcomesOf } from '../records/new-task-item.ts';

/**
 * Tasks of a script call. The script takes twice as many; with half of that Redis already works while the next call is
 * being encoded.
 */
const HALF_BATCH = MAX_BATCH / 2;
/** Most queues with a call that is being filled. Each needs two calls to Redis, and a client has at most 10,000 under way. */
const MAX_FILLING = 2_000;

interface SendOptions {
  /** The caller's signal, or how much time the call has left. */
  readonly left: RunOptions;
  /** Null = no durability beyond memory was asked for: a call ends when its script has run. */
  readonly assurance: Assurance | null;
}

/** Runs the script, and waits for the durability that the caller asked for. `reached`: whether it was reached in time. */
async function send({ client }: RedisDeps, call: EnqueueCall, { left, assurance }: SendOptions) {
  if (assurance === null) return { reply: await client.run(enqueue, call, left), reached: true };
  const { confirm } = assurance;
  const { reply, confirmed } = await assurance.client.runConfirmed(enqueue, call, { ...left, confirm });
  return { reply, reached: assurance.isReached(confirmed) };
}

/** The outcome of a task that is stored, but not with the durability that the caller asked for. */
const markNotDurable = (outcome: EnqueueOutcome): EnqueueOutcome =>
  outcome.code === 'created' ? { ...outcome, code: 'durability-not-reached' } : outcome;

/** The call to one queue that is being filled. */
interface PendingBatch {
  tasks: EncodedTask[];
  bytes: number;
  /** Resolves when the queue is in Asynq's set of queues, or to the reason why it could not be added. */
  readonly registered: Promise<Failure>;
  /** A call to the queue has failed: no more are sent, as each would only wait for the same error. Null = none has. */
  failed: FailedOutcome | null;
}

/** One call to a queue. */
interface BatchCall {
  readonly queue: string;
  readonly tasks: readonly EncodedTask[];
  readonly batch: PendingBatch;
}

interface SubmissionDeps {
  readonly deps: RedisDeps;
  readonly assurance: Assurance | null;
  readonly options: CallOptions;
}

/** The tasks of one `enqueue`, batched by queue: a call is sent as soon as it is full, while the next one is being filled. */
class Submission {
  readonly #deps: SubmissionDeps;
  /** Indexed by the task's place in the stream; filled in as calls end. */
  readonly #outcomes: EnqueueOutcome[] = [];
  readonly #batches = new Map<string, PendingBatch>();
  /** Calls that store tasks, and what must be done before them. None of them rejects. */
  readonly #calls: Promise<unknown>[] = [];
  readonly #preconditions: Promise<unknown>[] = [];
  #count = 0;
  /** Queues with a call that is being filled. */
  #filling = 0;

  constructor(deps: SubmissionDeps) {
    this.#deps = deps;
  }

  /** Returns a promise if the caller must wait before it adds more, else nothing. */
  add(task: NewTask): Promise<unknown> | undefined {
    const index = this.#count;
    this.#count += 1;
    const prepared = this.#prepare(task, index);
    if (!prepared) return undefined;
    const batch = this.#batch(task.queue);
    const size = prepared.message.length + prepared.meta.length;
    const isFull = batch.tasks.length === HALF_BATCH || batch.bytes + size > MAX_BATCH_BYTES;
    const sent = isFull && batch.tasks.length > 0 ? this.#send(task.queue, batch) : undefined;
    if (batch.tasks.length === 0) this.#filling += 1;
    batch.tasks.push(prepared);
    batch.bytes += size;
    return this.#filling > MAX_FILLING ? this.#sendAll() : sent;
  }

  /** Sends the remaining calls. Resolves with one outcome per task, in order, when all calls have ended. */
  async end(): Promise<EnqueueOutcome[]> {
    await this.#sendAll();
    return throwIfAllFailed(this.#outcomes);
  }

  /** Sends the calls that are being filled. Resolves when all calls so far have ended. */
  async #sendAll(): Promise<void> {
    for (const [queue, batch] of this.#batches) {
      const sent = batch.tasks.length > 0 ? this.#send(queue, batch) : undefined;
      if (sent) await sent;
    }
    await Promise.all(this.#preconditions);
    await Promise.all(this.#calls);
  }

  /** Encodes a task. One that cannot be encoded, such as a text that Go could not read, fails alone. */
  #prepare(task: NewTask, index: number): EncodedTask | null {
    try {
      return new EncodedTask(task, index);
    } catch (error) {
      this.#outcomes[index] = { code: 'broker-corrupt', cause: messageOf(error) };
      return null;
    }
  }

  #batch(queue: string): PendingBatch {
    let batch = this.#batches.get(queue);
    if (batch) return batch;
    const registered = failureOf(this.#deps.deps.registration.register(queue, this.#deps.options));
    this.#preconditions.push(registered);
    batch = { tasks: [], bytes: 0, registered, failed: null };
    this.#batches.set(queue, batch);
    return batch;
  }

  /** Sends the batch's call. Returns a promise if that must wait for a receipt or the registration, else nothing. */
  #send(queue: string, batch: PendingBatch): Promise<unknown> | undefined {
    const { deps, options, assurance } = this.#deps;
    const { tasks } = batch;
    this.#filling -= 1;
    batch.tasks = [];
    batch.bytes = 0;
    if (batch.failed) return this.#settle(tasks, batch.failed);
    const store = (taken: TakenReceipt) => {
      this.#calls.push(this.#store({ queue, tasks, batch }, taken));
    };
    const taken = takeReceipt(deps, queue, options);
    if (!(taken instanceof Promise) && assurance === null) {
      store(taken);
      return undefined;
    }
    // A replica that has the tasks must also have their queue in its set of queues: register first.
    const sent = Promise.all([taken, batch.registered]).then(
      ([receipt]) => store(receipt),
      (error: unknown) => this.#fail({ tasks, batch }, failedOutcome(error, deps.client.name)),
    );
    this.#preconditions.push(sent);
    return sent;
  }

  /** Stores a call's tasks and fills in their outcomes. */
  async #store({ queue, tasks, batch }: BatchCall, { receipt, left }: TakenReceipt): Promise<void> {
    const { deps, assurance } = this.#deps;
    const call = { queue, receipt, items: tasks, businesses: businessesOf(tasks) };
    try {
      const { reply, reached } = await send(deps, call, { left, assurance });
      if (isRefusal(reply)) return this.#refuse({ tasks, batch }, reply);
      const again = reply.isNew ? await failureOf(deps.registration.register(queue, left, true)) : null;
      const unregistered = again ?? (await batch.registered);
      if (unregistered) return this.#fail({ tasks, batch }, inDoubt(unregistered.error, deps.client.name));
      const stored = enqueueOutcomesOf(tasks, reply);
      this.#fill(tasks, reached ? stored : stored.map(markNotDurable));
    } catch (error) {
      this.#fail({ tasks, batch }, failedOutcome(error, deps.client.name));
    } finally {
      receipt.release();
    }
  }

  /** The script changed nothing: a key has a wrong type, or the call came too late. */
  #refuse({ tasks, batch }: Pick<BatchCall, 'tasks' | 'batch'>, refusal: Refusal): void {
    const { name } = this.#deps.deps.client;
    if ('stale' in refusal) return this.#fail({ tasks, batch }, failedOutcome(staleCallError(name), name));
    const cause = wrongTypeText(refusal.corrupt);
    this.#settle(tasks, { code: 'broker-corrupt', cause });
  }

  #fail({ tasks, batch }: Pick<BatchCall, 'tasks' | 'batch'>, outcome: FailedOutcome): void {
    batch.failed ??= notSent(outcome);
    this.#settle(tasks, outcome);
  }

  #settle(tasks: readonly EncodedTask[], outcome: EnqueueOutcome): undefined {
    for (const { index } of tasks) this.#outcomes[index] = outcome;
  }

  #fill(tasks: readonly EncodedTask[], outcomes: readonly EnqueueOutcome[]): void {
    tasks.forEach(({ index }, i) => (this.#outcomes[index] = outcomes[i]!));
  }
}

/** Enqueueing tasks. */
export function createSubmit(deps: RedisDeps, durabilities: Durabilities): Submit {
  return {
    async enqueue(tasks, options = {}) {
      const { durability = 'memory' } = options;
      const assurance = durability === 'memory' ? null : await durabilities.assurance(durability, options);
      const submission = new Submission({ deps, assurance, options });
      const waiting = forEachAsync(tasks, (task) => submission.add(task));
      if (waiting) await waiting;
      return submission.end();
    },
  };
}
