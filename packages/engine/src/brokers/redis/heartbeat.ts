import { Worker } from 'node:worker_threads';
import type { Heartbeat } from '../../broker/heartbeat.ts';
import type { FromRenewer, ToRenewer } from '../../leases/heartbeat-messages.ts';
import { clockOriginMs } from '../../leases/main-clock.ts';
import { createRemoteRenewer } from '../../leases/remote-renewer.ts';
import { entryUrl } from '../../runtime/entry-url.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { RedisTarget } from './url.ts';

export interface HeartbeatData {
  readonly target: RedisTarget;
  /** Of the main thread's monotonic clock. */
  readonly originMs: number;
}

export interface HeartbeatThread extends Heartbeat {
  close(): Promise<void>;
}

const AGAIN_MS = 500;
/** It makes little, and holds little. */
const MEMORY = { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 64 };

/** The thread that renews the leases of this process at one Redis; it starts with the first worker. */
export function createHeartbeatThread(target: RedisTarget, { clock, log }: Runtime): HeartbeatThread {
  const closing = new AbortController();
  const workerData: HeartbeatData = { target, originMs: clockOriginMs() };
  let thread: Worker | undefined;

  async function failed(which: Worker, error: unknown): Promise<void> {
    if (thread !== which || closing.signal.aborted) return;
    thread = undefined;
    log.error({ err: error }, 'the thread that renews leases has ended; starting another one');
    await clock.sleep(AGAIN_MS, closing.signal);
    if (thread === undefined && !closing.signal.aborted) start();
  }

  function start(): void {
    const entry = entryUrl('brokers/redis/heartbeat.thread');
    const one = new Worker(entry, { workerData, execArgv: [], name: 'heartbeat', resourceLimits: MEMORY });
    one.on('message', (message: FromRenewer) => remote.receive(message));
    one.on('error', (error) => void failed(one, error));
    one.on('exit', (code) => void failed(one, new Error(`it ended with code ${code}`)));
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
    keep: remote.keep,
    async close() {
      closing.abort();
      await thread?.terminate();
    },
  };
}
