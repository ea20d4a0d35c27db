import { feed } from '../../../runtime/for-each-async.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { failureOf, throwFirst, type Failure } from '../../../errors/failures.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { EnqueueOutcome, NewTask, Submit } from '../../../broker/submit.ts';
import type { Assurance, Durabilities } from '../calls/durability.ts';
import { QUEUES_KEY } from '../../../protocol/keys.ts';
import type { RedisParts } from '../parts.ts';
import type { RunOptions } from '../client/redis-client.ts';
import { enqueue, type EnqueueCall } from '../scripts/submit/enqueue.ts';
import { isRefusal, staleCall, takeReceipt, wrongType, type Taken } from '../calls/refusals.ts';
import { businessesOf, itemOf, outcomesOf, type Parcel } from '../records/new-task-item.ts';

/** Bounds of a script call (design D2); half of its tasks, so that Redis begins while the next call is made. */
const MAX_BATCH = 128;
const MAX_BATCH_BYTES = 524_288;
/** A queue that somebody removed is registered again after this (protocol D17). */
const REGISTERED_MS = 10_000;

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

interface How {
  readonly left: RunOptions;
  readonly assurance: Assurance | null;
}

/** Runs the script, made as safe as was asked for. */
async function send({ connection }: RedisParts, call: EnqueueCall, { left, assurance }: How) {
  if (assurance === null) return { reply: await connection.run(enqueue, call, left), reached: true };
  const { confirm } = assurance;
  const { reply, confirmed } = await assurance.connection.runConfirmed(enqueue, call, { ...left, confirm });
  return { reply, reached: assurance.reached(confirmed) };
}

/** What was stored is told apart from what was stored and is safe. */
const lessSafe = (outcome: EnqueueOutcome): EnqueueOutcome =>
  outcome.code === 'created' ? { ...outcome, code: 'durability-not-reached' } : outcome;

/** What goes to one queue: the call that is being filled, and how it went with those before. */
interface Lane {
  parcels: Parcel[];
  bytes: number;
  readonly registered: Promise<Failure>;
  /** Once a call has failed, no more are sent: they would only take as long again. */
  failed: boolean;
}

interface SubmissionParts {
  readonly parts: RedisParts;
  readonly register: ReturnType<typeof createRegistry>;
  readonly assurance: Assurance | null;
  readonly options: CallOptions;
}

/** Tasks on their way into their queues: each call is sent as soon as it is full, while the next one is filled. */
class Submission {
  readonly #parts: SubmissionParts;
  readonly #outcomes: EnqueueOutcome[] = [];
  readonly #lanes = new Map<string, Lane>();
  /** Calls that store tasks. */
  readonly #calls: Promise<Failure>[] = [];
  /** What comes before them, and stores none. */
  readonly #steps: Promise<Failure>[] = [];
  #count = 0;

  constructor(parts: SubmissionParts) {
    this.#parts = parts;
  }

  /** Resolves when more may be added; nothing = at once. */
  add(task: NewTask): Promise<unknown> | undefined {
    const place = this.#count;
    this.#count += 1;
    const parcel = this.#parcel(task, place);
    if (!parcel) return undefined;
    const lane = this.#lane(task.queue);
    const size = parcel.item.message.length + parcel.item.meta.length;
    const full = lane.parcels.length === MAX_BATCH || lane.bytes + size > MAX_BATCH_BYTES;
    const sent = full && lane.parcels.length > 0 ? this.#send(task.queue, lane) : undefined;
    lane.parcels.push(parcel);
    lane.bytes += size;
    return sent;
  }

  /** Sends what is left, and gives one outcome per task. */
  async end(): Promise<EnqueueOutcome[]> {
    for (const [queue, lane] of this.#lanes) {
      const sent = this.#send(queue, lane);
      if (sent) await sent;
    }
    const steps = await Promise.all(this.#steps);
    throwFirst([...(await Promise.all(this.#calls)), ...steps.filter((failure) => failure !== null)]);
    return this.#outcomes;
  }

  /** A text that no Go program could read spoils its own task only. */
  #parcel(task: NewTask, place: number): Parcel | null {
    try {
      return { place, task, item: itemOf(task) };
    } catch (error) {
      if (!isTaskCenterError(error, 'invalid-value')) throw error;
      this.#outcomes[place] = { code: 'broker-corrupt', cause: error.message };
      return null;
    }
  }

  #lane(queue: string): Lane {
    let lane = this.#lanes.get(queue);
    if (lane) return lane;
    const registered = failureOf(this.#parts.register(queue, this.#parts.options));
    this.#steps.push(registered);
    lane = { parcels: [], bytes: 0, registered, failed: false };
    this.#lanes.set(queue, lane);
    return lane;
  }

  /** Sends the lane's call; resolves when it has been sent, nothing = it has. */
  #send(queue: string, lane: Lane): Promise<unknown> | undefined {
    const { parts, options, assurance } = this.#parts;
    const { parcels } = lane;
    lane.parcels = [];
    lane.bytes = 0;
    if (lane.failed) return undefined;
    const store = (taken: Taken) => {
      const stored = failureOf(this.#store(queue, parcels, taken));
      this.#calls.push(stored);
      void stored.then((failure) => (lane.failed ||= failure !== null));
    };
    const taken = takeReceipt(parts, queue, options);
    if (!(taken instanceof Promise) && assurance === null) {
      store(taken);
      return undefined;
    }
    // What a replica has must not be missing in its list of queues.
    const sent = failureOf(Promise.all([taken, lane.registered]).then(([receipt]) => store(receipt)));
    this.#steps.push(sent);
    return sent.then((failure) => (lane.failed ||= failure !== null));
  }

  /** Stores a call's tasks and fills in their outcomes. */
  async #store(queue: string, parcels: readonly Parcel[], { receipt, left }: Taken): Promise<void> {
    const { parts, assurance, register } = this.#parts;
    const items = parcels.map(({ item }) => item);
    const call = { queue, receipt, items, businesses: businessesOf(parcels) };
    try {
      const { reply, reached } = await send(parts, call, { left, assurance });
      if (isRefusal(reply) && 'stale' in reply) throw staleCall(parts.connection.name);
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

export function createSubmit(parts: RedisParts, durabilities: Durabilities): Submit {
  const register = createRegistry(parts);
  return {
    async enqueue(tasks, options = {}) {
      const { durability = 'memory' } = options;
      const assurance = durability === 'memory' ? null : await durabilities.assurance(durability, options);
      const submission = new Submission({ parts, register, assurance, options });
      const waiting = feed(tasks, (task) => submission.add(task));
      if (waiting) await waiting;
      return submission.end();
    },
  };
}
