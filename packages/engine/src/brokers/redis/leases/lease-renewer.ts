import { Worker } from 'node:worker_threads';
import type { LeaseRenewal } from '../../../broker/lease-renewal.ts';
import type { FromRenewer, ToRenewer } from '../../../leases/renewer-messages.ts';
import { clockOriginMs } from '../../../leases/main-clock.ts';
import { createRemoteRenewer } from '../../../leases/remote-renewer.ts';
import { entryUrl } from '../../../runtime/entry-url.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { RedisTarget } from '../client/url.ts';

/** What the thread is started with. */
export interface LeaseRenewerData {
  readonly target: RedisTarget;
  /** Origin of the main thread's monotonic clock: both threads must measure the same time. */
  readonly originMs: number;
}

/** The broker's facet `leaseRenewal`; `close` ends its thread. */
export interface LeaseRenewerThread extends LeaseRenewal {
  close(): Promise<void>;
}

/** Pause before a thread that has ended is replaced. */
const RESTART_MS = 500;
/** The thread allocates little and keeps little. */
const MEMORY_LIMITS = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

function newThread(workerData: LeaseRenewerData): Worker {
  const entry = entryUrl('brokers/redis/leases/lease-renewer.thread');
  const options = { workerData, execArgv: [], name: 'lease-renewer', resourceLimits: MEMORY_LIMITS };
  return new Worker(entry, options);
}

interface SupervisedThreadDeps {
  readonly runtime: Runtime;
  /** Creates the thread. @throws Error if the machine has no resources for another one */
  create(): Worker;
  /** Sends a new thread the messages that it needs first. */
  setUp(thread: Worker): void;
}

/** A thread that starts when it is first needed and is replaced when it ends. */
class SupervisedThread {
  readonly #deps: SupervisedThreadDeps;
  readonly #closing = new AbortController();
  #thread: Worker | undefined;

  constructor(deps: SupervisedThreadDeps) {
    this.#deps = deps;
  }

  /** Undefined before `start`, and from the end of one thread to the start of the next. */
  get current(): Worker | undefined {
    return this.#thread;
  }

  /** Does nothing if a thread runs already, or after `close`. */
  start(): void {
    if (this.#thread || this.#closing.signal.aborted) return;
    const created = this.#create();
    if (!created) return;
    // After `error` comes `exit`, too. Only the first of the two counts.
    created.on('error', (error) => this.#onEnd(created, error));
    created.on('exit', (code) => this.#onEnd(created, new Error(`the thread ended with code ${code}`)));
    // This thread alone must not keep the process alive.
    created.unref();
    this.#thread = created;
    this.#deps.setUp(created);
  }

  #create(): Worker | undefined {
    try {
      return this.#deps.create();
    } catch (error) {
      void this.#restart(error);
      return undefined;
    }
  }

  #onEnd(ended: Worker, error: unknown): void {
    if (this.#thread !== ended || this.#closing.signal.aborted) return;
    this.#thread = undefined;
    void this.#restart(error);
  }

  async #restart(error: unknown): Promise<void> {
    const { clock, log } = this.#deps.runtime;
    log.error({ err: error }, 'the lease renewer thread is not running; starting it again');
    await clock.sleep(RESTART_MS, this.#closing.signal);
    this.start();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#thread?.terminate();
  }
}

/**
 * The thread that renews the leases of this process at one Redis. It starts with the first worker and is replaced when it
 * ends; meanwhile the main thread renews.
 */
export function createLeaseRenewerThread(target: RedisTarget, runtime: Runtime): LeaseRenewerThread {
  const data: LeaseRenewerData = { target, originMs: clockOriginMs() };
  const thread = new SupervisedThread({
    runtime,
    create: () => newThread(data).on('message', (message: FromRenewer) => remote.receive(message)),
    // Tells the new thread about all workers, including those that an earlier thread knew.
    setUp(created) {
      for (const message of remote.setUpMessages()) created.postMessage(message, []);
    },
  });
  const remote = createRemoteRenewer({
    post(message: ToRenewer) {
      if (thread.current) thread.current.postMessage(message, []);
      // `setUp` sends this message to the new thread. Only a new worker needs a thread: the end of a worker does not.
      else if (message.kind === 'owner') thread.start();
    },
    replace: () => void thread.current?.terminate(),
  });
  return { renew: remote.renew, close: () => thread.close() };
}
