import {
  createLoop,
  storedQueue,
  Worker,
  type Broker,
  type Log,
  type Runtime,
  type WorkerOptions,
} from '@task-center/engine';
import { deliverTask } from './attempt.ts';
import { createDeliverer } from './deliver.ts';
import { callbackQueues } from './queue-order.ts';
import type { UrlRules } from './url-rules.ts';

export interface CallbackWorkerDeps {
  readonly broker: Broker;
  readonly config: {
    readonly callbacks: UrlRules & {
      /** Callbacks at once. */
      readonly concurrency: number;
    };
  };
  /** What a main loop that hangs leads to. Default: the engine's. */
  readonly stalls?: Pick<WorkerOptions, 'maxStallMs' | 'failStop'>;
  readonly log: Log;
  readonly runtime: Runtime;
}

/** Delivers the callbacks of all queues; never touches a queue of handler tasks (design D9). */
export interface CallbackWorker {
  start(): Promise<void>;
  /** Takes nothing more, lets exchanges end, gives back those that do not end in time. May be called twice. */
  stop(): Promise<void>;
  /** Serves this queue (its logical name) from now on: a task has just been submitted to it. */
  addQueue(name: string): void;
}

/** How long a queue that another process made may stay unnoticed. */
const LOOK_MS = 2_000;

export function createCallbackWorker({
  broker,
  config,
  stalls,
  log,
  runtime,
}: CallbackWorkerDeps): CallbackWorker {
  const { concurrency } = config.callbacks;
  const deliverer = createDeliverer({ concurrency, clock: runtime.clock });
  const worker = new Worker(broker, { queues: callbackQueues([]), concurrency, ...stalls, runtime });
  // Not copied: the mode may change while it runs.
  const deps = { deliverer, rules: config.callbacks, clock: runtime.clock, log };
  worker.handle('*', (task, context) => deliverTask(deps, task, context));

  /** Submitted to, and not yet seen in the broker's list. */
  const noted = new Set<string>();
  let listed: readonly string[] = [];
  let served = callbackQueues([]).join('\n');

  function serve(): void {
    const queues = callbackQueues([...listed, ...noted]);
    if (queues.join('\n') === served) return;
    served = queues.join('\n');
    worker.setQueues(queues);
  }

  const look = createLoop({
    name: 'callback-queues',
    runtime,
    async step() {
      listed = await broker.inspect.queues();
      for (const queue of listed) noted.delete(queue);
      serve();
      return LOOK_MS;
    },
  });

  return {
    async start() {
      await worker.start();
      look.start();
    },
    async stop() {
      await Promise.all([look.stop(), worker.stop()]);
      await deliverer.close();
    },
    addQueue(name) {
      noted.add(storedQueue(name, 'callback'));
      serve();
    },
  };
}
