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

/**
 * The thread that renews the leases of this process at one Redis. It starts with the first worker and is replaced when it
 * ends; meanwhile the main thread renews.
 */
export function createLeaseRenewerThread(target: RedisTarget, { clock, log }: Runtime): LeaseRenewerThread {
  const closing = new AbortController();
  const data: LeaseRenewerData = { target, originMs: clockOriginMs() };
  let thread: Worker | undefined;

  async function restart(error: unknown): Promise<void> {
    log.error({ err: error }, 'the lease renewer thread is not running; starting it again');
    await clock.sleep(RESTART_MS, closing.signal);
    if (thread === undefined && !closing.signal.aborted) start();
  }

  function onEnd(ended: Worker, error: unknown): void {
    if (thread !== ended || closing.signal.aborted) return;
    thread = undefined;
    void restart(error);
  }

  /** Undefined if the machine has no resources for one more thread. */
  function createThread(): Worker | undefined {
    try {
      return newThread(data);
    } catch (error) {
      void restart(error);
      return undefined;
    }
  }

  function start(): void {
    const created = createThread();
    if (!created) return;
    created.on('message', (message: FromRenewer) => remote.receive(message));
    created.on('error', (error) => onEnd(created, error));
    created.on('exit', (code) => onEnd(created, new Error(`the thread ended with code ${code}`)));
    // Leases alone do not keep the process alive.
    created.unref();
    thread = created;
    for (const message of remote.setUpMessages()) created.postMessage(message, []);
  }

  const remote = createRemoteRenewer({
    post(message: ToRenewer) {
      if (thread) thread.postMessage(message, []);
      else if (message.kind === 'owner' && !closing.signal.aborted) start();
    },
    replace: () => void thread?.terminate(),
  });

  return {
    renew: remote.renew,
    async close() {
      closing.abort();
      await thread?.terminate();
    },
  };
}
