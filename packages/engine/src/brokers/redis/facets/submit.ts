import { forEachAsync } from '../../../runtime/for-each-async.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { failureOf, throwFirst, type Failure } from '../../../errors/failures.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { EnqueueOutcome, NewTask, Submit } from '../../../broker/submit.ts';
import type { Assurance, Durabilities } from '../calls/durability.ts';
import { QUEUES_KEY } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import type { RunOptions } from '../client/redis-client.ts';
import { enqueue, type EnqueueCall } from '../scripts/submit/enqueue.ts';
import { isRefusal, staleCall, takeReceipt, wrongType, type Taken } from '../calls/refusals.ts';
import { businessesOf, itemOf, outcomesOf, type PreparedTask } from '../records/new-task-item.ts';

/** Bounds of a script call (design D2); half of its tasks, so that Redis begins while the next call is made. */
const MAX_BATCH = 128;
const MAX_BATCH_BYTES = 524_288;
/** A queue that somebody removed is registered again after this (protocol D17). */
const REGISTERED_MS = 10_000;

/** Enters queues into Asynq's list of queues, each at most every 10 s unless it is `lost`. */
function createRegistry({ client, runtime: { clock } }: RedisDeps) {
  const enteredMs = new Map<string, number>();
  return async (queue: string, options?: CallOptions, lost = false): Promise<void> => {
    const now = clock.monotonicMs();
    if (!lost && now - (enteredMs.get(queue) ?? -Infinity) < REGISTERED_MS) return;
    enteredMs.set(queue, now);
    try {
      await client.command(['SADD', QUEUES_KEY, queue], options);
    } catch (error) {
      enteredMs.delete(queue);
      throw error;
    }
  };
}

interface How {
  readonly left: RunOptions;
  readonly assurance: Assurance | null;
}

/** Runs the script, made as safe as was asked for. */
async function send({ client }: RedisDeps, call: EnqueueCall, { left, assurance }: How) {
  if (assurance === null) return { reply: await client.run(enqueue, call, left), reached: true };
  const { confirm } = assurance;
  const { reply, confirmed } = await assurance.connection.runConfirmed(enqueue, call, { ...left, confirm });
  return { reply, reached: assurance.reached(confirmed) };
}

/** What was stored is told apart from what was stored and is safe. */
const lessSafe = (outcome: EnqueueOutcome): EnqueueOutcome =>
  outcome.code === 'created' ? { ...outcome, code: 'durability-not-reached' } : outcome;

/** What goes to one queue: the call that is being filled, and how it went with those before. */
interface PendingBatch {
  parcels: PreparedTask[];
  bytes: number;
  readonly registered: Promise<Failure>;
  /** Once a call has failed, no more are sent: they would only take as long again. */
  failed: boolean;
}

interface SubmissionDeps {
  readonly deps: RedisDeps;
  readonly register: ReturnType<typeof createRegistry>;
  readonly assurance: Assurance | null;
  readonly options: CallOptions;
}

/** Tasks on their way into their queues: each call is sent as soon as it is full, while the next one is filled. */
class Submission {
  readonly #deps: SubmissionDeps;
  readonly #outcomes: EnqueueOutcome[] = [];
  readonly #batches = new Map<string, PendingBatch>();
  /** Calls that store tasks. */
  readonly #calls: Promise<Failure>[] = [];
  /** What comes before them, and stores none. */
  readonly #steps: Promise<Failure>[] = [];
  #count = 0;

  constructor(deps: SubmissionDeps) {
    this.#deps = deps;
  }

  /** Resolves when more may be added; nothing = at once. */
  add(task: NewTask): Promise<unknown> | undefined {
    const place = this.#count;
    this.#count += 1;
    const parcel = this.#parcel(task, place);
    if (!parcel) return undefined;
    const batch = this.#batch(task.queue);
    const size = parcel.item.message.length + parcel.item.meta.length;
    const full = batch.parcels.length === MAX_BATCH || batch.bytes + size > MAX_BATCH_BYTES;
    const sent = full && batch.parcels.length > 0 ? this.#send(task.queue, batch) : undefined;
    batch.parcels.push(parcel);
    batch.bytes += size;
    return sent;
  }

  /** Sends what is left, and gives one outcome per task. */
  async end(): Promise<EnqueueOutcome[]> {
    for (const [queue, batch] of this.#batches) {
      const sent = this.#send(queue, batch);
      if (sent) await sent;
    }
    const steps = await Promise.all(this.#steps);
    throwFirst([...(await Promise.all(this.#calls)), ...steps.filter((failure) => failure !== null)]);
    return this.#outcomes;
  }

  /** A text that no Go program could read spoils its own task only. */
  #parcel(task: NewTask, place: number): PreparedTask | null {
    try {
      return { place, task, item: itemOf(task) };
    } catch (error) {
      if (!isTaskCenterError(error, 'invalid-value')) throw error;
      this.#outcomes[place] = { code: 'broker-corrupt', cause: error.message };
      return null;
    }
  }

  #batch(queue: string): PendingBatch {
    let batch = this.#batches.get(queue);
    if (batch) return batch;
    const registered = failureOf(this.#deps.register(queue, this.#deps.options));
    this.#steps.push(registered);
    batch = { parcels: [], bytes: 0, registered, failed: false };
    this.#batches.set(queue, batch);
    return batch;
  }

  /** Sends the batch's call; resolves when it has been sent, nothing = it has. */
  #send(queue: string, batch: PendingBatch): Promise<unknown> | undefined {
    const { deps, options, assurance } = this.#deps;
    const { parcels } = batch;
    batch.parcels = [];
    batch.bytes = 0;
    if (batch.failed) return undefined;
    const store = (taken: Taken) => {
      const stored = failureOf(this.#store(queue, parcels, taken));
      this.#calls.push(stored);
      void stored.then((failure) => (batch.failed ||= failure !== null));
    };
    const taken = takeReceipt(deps, queue, options);
    if (!(taken instanceof Promise) && assurance === null) {
      store(taken);
      return undefined;
    }
    // What a replica has must not be missing in its list of queues.
    const sent = failureOf(Promise.all([taken, batch.registered]).then(([receipt]) => store(receipt)));
    this.#steps.push(sent);
    return sent.then((failure) => (batch.failed ||= failure !== null));
  }

  /** Stores a call's tasks and fills in their outcomes. */
  async #store(queue: string, parcels: readonly PreparedTask[], { receipt, left }: Taken): Promise<void> {
    const { deps, assurance, register } = this.#deps;
    const items = parcels.map(({ item }) => item);
    const call = { queue, receipt, items, businesses: businessesOf(parcels) };
    try {
      const { reply, reached } = await send(deps, call, { left, assurance });
      if (isRefusal(reply) && 'stale' in reply) throw staleCall(deps.client.name);
      if (!isRefusal(reply) && reply.isNew) await register(queue, left, true);
      const told = isRefusal(reply) ? [] : outcomesOf(parcels, reply);
      const found = reached ? told : told.map(lessSafe);
      const corrupt = isRefusal(reply) && 'corrupt' in reply ? reply.corrupt : queue;
      parcels.forEach(({ place }, i) => {
        this.#outcomes[place] = found[i] ?? { code: 'broker-corrupt', cause: wrongType(corrupt) };
      });
    } finally {
      receipt.release();
    }
  }
}

export function createSubmit(deps: RedisDeps, durabilities: Durabilities): Submit {
  const register = createRegistry(deps);
  return {
    async enqueue(tasks, options = {}) {
      const { durability = 'memory' } = options;
      const assurance = durability === 'memory' ? null : await durabilities.assurance(durability, options);
      const submission = new Submission({ deps, register, assurance, options });
      const waiting = forEachAsync(tasks, (task) => submission.add(task));
      if (waiting) await waiting;
      return submission.end();
    },
  };
}
