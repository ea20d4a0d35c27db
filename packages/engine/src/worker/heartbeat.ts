import type { Presence, RunningTask, ServerRecord, ServerStatus } from '../broker/presence.ts';
import { createLoop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Attempt } from './run/attempt.ts';
import type { Identity } from './identity.ts';
import type { QueueOrder } from './fetch/queue-order.ts';

/** As Asynq's (protocol 4.9); an announcement is good for twice as long. */
const ANNOUNCE_MS = 5_000;
/** What a worker shows is bounded, so that showing it costs little: the oldest tasks, the beginning of a payload. */
const MAX_TASKS = 1_000;
const MAX_PAYLOAD_BYTES = 1_024;
/** An announcement that is not withdrawn in time ends by itself. */
const WITHDRAW_MS = 1_000;

/**
 * Makes a worker known to whoever looks, in a loop of its own that nothing waits for (protocol D32).
 */
export interface Heartbeat {
  start(): void;
  /** The worker's state has changed: says so at once. */
  changed(): void;
  /** Withdraws it. */
  stop(): Promise<void>;
}

export interface HeartbeatDeps {
  readonly presence: Presence;
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly concurrency: number;
  order(): QueueOrder;
  status(): ServerStatus;
  /** In the order of their starts. */
  attempts(): Iterable<Attempt>;
}

function shown({ task, startedMs, deadlineMs }: Attempt): RunningTask {
  const { queue, id, type } = task;
  return {
    queue,
    id,
    type,
    payload: task.payload?.subarray(0, MAX_PAYLOAD_BYTES) ?? null,
    startedMs,
    deadlineMs,
  };
}

export function createHeartbeat(deps: HeartbeatDeps): Heartbeat {
  const { presence, runtime, identity, concurrency, order, status } = deps;
  const { id, host, pid } = identity;
  let startedMs = 0;

  function record(): ServerRecord {
    const tasks: RunningTask[] = [];
    let running = 0;
    for (const attempt of deps.attempts()) {
      running += 1;
      if (running <= MAX_TASKS) tasks.push(shown(attempt));
    }
    const { strict, priorities } = order();
    const server = { id, host, pid, concurrency, queues: priorities, strict, status: status(), startedMs };
    return { ...server, running, tasks };
  }

  const loop = createLoop({
    name: 'announcer',
    runtime,
    async step() {
      await presence.announce(record());
      return ANNOUNCE_MS;
    },
  });

  /** Never rejects: it would be gone anyway in a few seconds. */
  async function withdraw(): Promise<void> {
    try {
      await presence.withdraw({ id, host, pid });
    } catch (error) {
      runtime.log.info({ err: error }, 'a worker could not be withdrawn; its announcement ends by itself');
    }
  }

  return {
    start() {
      startedMs = runtime.clock.wallMs();
      loop.start();
    },
    changed: () => loop.wake(),
    async stop() {
      const timer = new AbortController();
      const gone = loop.stop().then(withdraw);
      await Promise.race([gone, runtime.clock.sleep(WITHDRAW_MS, timer.signal)]);
      timer.abort();
    },
  };
}
