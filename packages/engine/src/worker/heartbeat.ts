import type { Presence, RunningTask, ServerRecord, ServerStatus } from '../broker/presence.ts';
import { createLoop, poll } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { within } from '../runtime/within.ts';
import type { Attempt } from './run/attempt.ts';
import type { HeldTask } from './held-task.ts';
import type { Identity } from '../runtime/identity.ts';
import type { QueueOrder } from './fetch/queue-order.ts';

/** Time between two announcements, as in Asynq. Each lasts for twice this time. */
const ANNOUNCE_MS = 5_000;
/** An announcement has bounds, because it is written every few seconds: the oldest tasks and the beginning of a payload. */
const MAX_ANNOUNCED_TASKS = 1_000;
const MAX_ANNOUNCED_PAYLOAD_BYTES = 1_024;
/** How long `stop` waits for the withdrawal. An announcement that stays ends by itself. */
const WITHDRAW_MS = 1_000;

/**
 * Announces the worker to the broker, for people who look at the servers. It is a loop of its own: a broker that is out of
 * reach must not delay the worker.
 */
export interface Heartbeat {
  start(): void;
  /** Announces at once, after the worker's state has changed. */
  announceNow(): void;
  /** Ends the announcements and withdraws the last one. */
  stop(): Promise<void>;
}

export interface HeartbeatDeps {
  readonly presence: Presence;
  readonly runtime: Runtime;
  readonly identity: Identity;
  readonly concurrency: number;
  /** The current queues. */
  order(): QueueOrder;
  /** The current status. */
  status(): ServerStatus;
  /** The tasks held now, in the order of their arrival. */
  held(): Iterable<HeldTask>;
}

function toRunningTask({ task, startedMs, deadlineMs }: Attempt): RunningTask {
  const { queue, id, type } = task;
  return {
    queue,
    id,
    type,
    payload: task.payload?.subarray(0, MAX_ANNOUNCED_PAYLOAD_BYTES) ?? null,
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
    for (const { attempt } of deps.held()) {
      if (!attempt) continue;
      running += 1;
      if (running <= MAX_ANNOUNCED_TASKS) tasks.push(toRunningTask(attempt));
    }
    const { strict, priorities } = order();
    const server = { id, host, pid, concurrency, queues: priorities, strict, status: status(), startedMs };
    return { ...server, running, tasks };
  }

  const loop = createLoop({
    name: 'heartbeat',
    runtime,
    async step() {
      await presence.announce(record());
      return poll(ANNOUNCE_MS);
    },
  });

  /** Never rejects: the announcement ends by itself in a few seconds anyway. */
  async function withdraw(): Promise<void> {
    try {
      await presence.withdraw({ id, host, pid });
    } catch (error) {
      runtime.log.info(
        { err: error },
        'the announcement of a worker could not be withdrawn; it expires by itself',
      );
    }
  }

  return {
    start() {
      startedMs = runtime.clock.wallMs();
      loop.start();
    },
    announceNow: () => loop.wake(),
    async stop() {
      await within(runtime.clock, WITHDRAW_MS, () => loop.stop().then(withdraw));
    },
  };
}
