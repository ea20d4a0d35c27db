/**
 * The worker that delivers callbacks: an engine worker with one handler, on the callback queues of all logical queues.
 */
import {
  storedQueue,
  Worker,
  type Broker,
  type Clock,
  type Log,
  type Runtime,
  type WorkerOptions,
} from '@task-center/engine';
import { deliverTask, type AttemptDeps } from './attempt.ts';
import { createDeliverer, type Deliverer } from './deliver.ts';
import { HostSlots } from './host-slots.ts';
import { NotSent } from './not-sent.ts';
import { callbackQueues } from './queue-order.ts';
import { createQueueUpdates } from './queue-updates.ts';
import { createQueueSearch } from '../queue-search.ts';
import type { UrlRules } from './url-rules.ts';
import { createWaitingCallbacks } from './waiting-callbacks.ts';

export interface CallbackWorkerDeps {
  readonly broker: Broker;
  readonly config: {
    readonly callbacks: UrlRules & {
      /** Callbacks delivered at once. */
      readonly concurrency: number;
    };
  };
  /** What to do when the main loop stalls. Default: the engine's. */
  readonly stalls?: Pick<WorkerOptions, 'maxStall' | 'failStop'>;
  /** Bytes that the history may take in the broker. Default: the engine's. */
  readonly maxHistoryBytes?: number;
  readonly log: Log;
  readonly runtime: Runtime;
  /** Counts callbacks. Left out = nobody does. */
  readonly counts?: AttemptDeps['counts'];
}

/**
 * Delivers the callbacks of all queues. It never touches a queue of handler tasks, which may belong to Asynq's workers
 * in Go.
 */
export interface CallbackWorker {
  start(): Promise<void>;
  /** Takes no more tasks. What runs goes on. */
  stopTaking(): void;
  /** Takes no more tasks, lets exchanges end and gives back tasks that do not end within `timeoutMs` (8 s). May be called twice. */
  stop(options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Gives back all tasks at once. Resolves when the broker has them. */
  giveBack(): Promise<void>;
  /** The rules for URLs have changed: callbacks that wait for that are tried at once. */
  onRulesChanged(): void;
  /**
   * Serves a queue (its logical name) at once, without waiting until it is found: a task was just submitted to it.
   */
  addQueue(name: string): void;
}

const DEFAULT_STOP_MS = 8_000;
/**
 * This long before the end of a stop, answers whose status was read count as they are. Their tasks would be given back, and a
 * receiver that has done its work would get the request again.
 */
const DECIDE_MS = 100;

function decideBefore(stopMs: number, deliverer: Deliverer, clock: Clock): ReturnType<Clock['after']> {
  return clock.after(Math.max(0, stopMs - DECIDE_MS), () => deliverer.endAnswers());
}

/** Resolves when the attempts that this ends have been handed in. */
function decideNow(deliverer: Deliverer): Promise<unknown> {
  deliverer.endAnswers();
  return new Promise(setImmediate);
}

/** What becomes of callbacks that this service cannot send. */
function createNotSent(broker: Broker, runtime: Runtime, slots: HostSlots) {
  const waiting = createWaitingCallbacks({ broker, runtime });
  const notSent = new NotSent(runtime.clock, {
    onDeferred: () => waiting.note(),
    onRefused: (fault) => slots.onLack(fault),
    onSent: () => slots.onSent(),
  });
  return { waiting, notSent };
}

/** Creates the worker; it takes nothing before `start`. */
export function createCallbackWorker(parts: CallbackWorkerDeps): CallbackWorker {
  const { broker, config, stalls, log, runtime, counts, maxHistoryBytes } = parts;
  const { concurrency } = config.callbacks;
  const deliverer = createDeliverer({ concurrency, clock: runtime.clock });
  const slots = new HostSlots({ concurrency, clock: runtime.clock });
  const history = maxHistoryBytes === undefined ? {} : { maxHistoryBytes };
  const given = { queues: callbackQueues([]), concurrency, admission: slots, ...stalls, ...history, runtime };
  const worker = new Worker(broker, given);
  const { waiting, notSent } = createNotSent(broker, runtime, slots);
  // The rules are passed on, not copied: their mode may change while the worker runs.
  const deps = { deliverer, rules: config.callbacks, notSent, clock: runtime.clock, log, counts };
  worker.handle('*', (task, context) => deliverTask(deps, task, context));

  const updates = createQueueUpdates(worker, runtime.clock);
  const search = createQueueSearch({
    name: 'callback-queues',
    broker,
    runtime,
    onFound: updates.replaceListed,
  });

  return {
    async start() {
      await worker.start();
      search.start();
      waiting.start();
    },
    stopTaking: () => worker.stopTaking(),
    async stop({ timeoutMs = DEFAULT_STOP_MS } = {}) {
      updates.stop();
      const decided = decideBefore(timeoutMs, deliverer, runtime.clock);
      await Promise.all([search.stop(), waiting.stop(), worker.stop({ timeout: Math.round(timeoutMs) })]);
      decided.cancel();
      slots.stop();
      await deliverer.close();
    },
    async giveBack() {
      await decideNow(deliverer);
      await worker.stop({ timeout: 0 });
    },
    onRulesChanged() {
      notSent.onRulesChanged();
      waiting.retryAll();
    },
    addQueue(name) {
      updates.add(storedQueue(name, 'callback'));
    },
  };
}
