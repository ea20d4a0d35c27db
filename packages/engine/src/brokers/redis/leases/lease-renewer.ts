import { Worker } from 'node:worker_threads';
import type { LeaseRenewal } from '../../../broker/lease-renewal.ts';
import type { FromRenewer, ToRenewer } from '../../../leases/renewer-messages.ts';
import { clockOriginMs } from '../../../leases/main-clock.ts';
import { createRemoteRenewer } from '../../../leases/remote-renewer.ts';
import { entryUrl } from '../../../runtime/entry-url.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { RedisTarget } from '../client/url.ts';

export interface LeaseRenewerData {
  readonly target: RedisTarget;
  /** Of the main thread's monotonic clock. */
  readonly originMs: number;
}

export interface LeaseRenewerThread extends LeaseRenewal {
  close(): Promise<void>;
}

const AGAIN_MS = 500;
/** It makes little, and holds little. */
const MEMORY = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

/** The thread that renews the leases of this process at one Redis; it starts with the first worker. */
export function createLeaseRenewerThread(target: RedisTarget, { clock, log }: Runtime): LeaseRenewerThread {
  const closing = new AbortController();
  const workerData: LeaseRenewerData = { target, originMs: clockOriginMs() };
  let thread: Worker | undefined;

  async function again(error: unknown): Promise<void> {
    log.error({ err: error }, 'there is no thread that renews leases; starting one');
    await clock.sleep(AGAIN_MS, closing.signal);
    if (thread === undefined && !closing.signal.aborted) start();
  }

  function failed(which: Worker, error: unknown): void {
    if (thread !== which || closing.signal.aborted) return;
    thread = undefined;
    void again(error);
  }

  /** Nothing where the machine has no room for one more; meanwhile the main thread renews. */
  function newThread(): Worker | undefined {
    try {
      const entry = entryUrl('brokers/redis/leases/lease-renewer.thread');
      return new Worker(entry, { workerData, execArgv: [], name: 'heartbeat', resourceLimits: MEMORY });
    } catch (error) {
      void again(error);
      return undefined;
    }
  }

  function start(): void {
    const one = newThread();
    if (!one) return;
    one.on('message', (message: FromRenewer) => remote.receive(message));
    one.on('error', (error) => failed(one, error));
    one.on('exit', (code) => failed(one, new Error(`it ended with code ${code}`)));
    // Leases alone keep no process alive.
    one.unref();
    thread = one;
    for (const message of remote.everything()) one.postMessage(message, []);
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
