import { TaskCenterError } from '../errors/task-center-error.ts';
import { systemClock } from './clock.ts';
import type { Log } from './log.ts';

/** What runs on a broker until it is stopped: a worker, a scheduler, the loops of maintenance. */
export interface Running {
  stop(): Promise<void>;
}

/** The parts of a broker that its end needs. */
export interface BrokerEnd {
  /** Whether no call waits for its outcome. */
  isIdle(): boolean;
  /** Whether the broker is known to be out of reach, and calls only wait for it to come back. */
  isOutOfReach(): boolean;
  /** Ends connections and threads. Calls that still wait are rejected with `broker-closed`. */
  close(): Promise<void>;
}

/** How long calls under way may take to end. No call without a signal takes longer. */
const MAX_DRAIN_MS = 5_000;
/** The same while the broker is out of reach. A host that stops must not spend its grace on a broker that is down. */
const MAX_DRAIN_OUT_OF_REACH_MS = 1_000;
/** How often calls under way are looked at. */
const IDLE_CHECK_MS = 10;
/**
 * Calls have ended when none was under way for this number of turns of the event loop: a call that was just made leaves with the
 * next turn, and an operation of several calls makes the next one when it has the answer to the last.
 */
const IDLE_TURNS = 3;

async function untilIdle(isIdle: () => boolean, isOutOfReach: () => boolean): Promise<void> {
  const startedMs = systemClock.monotonicMs();
  for (let turns = 0; turns < IDLE_TURNS;) {
    const maxMs = isOutOfReach() ? MAX_DRAIN_OUT_OF_REACH_MS : MAX_DRAIN_MS;
    if (systemClock.monotonicMs() - startedMs >= maxMs) return;
    turns = isIdle() ? turns + 1 : 0;
    if (turns > 0) await new Promise(setImmediate);
    else await systemClock.sleep(IDLE_CHECK_MS);
  }
}

/**
 * The time in which a broker can be used. Its end comes in this order: what runs on the broker stops, while calls are served as
 * before, since handlers that end may need them; then no call is accepted any more; and when those under way have ended,
 * connections and threads are closed.
 */
export class Lifetime {
  readonly #broker: string;
  readonly #log: Log;
  readonly #running = new Set<Running>();
  readonly #waits = new Set<() => void>();
  #callsUnderWay = 0;
  #isClosed = false;
  #ending: Promise<void> | undefined;

  constructor(broker: string, log: Log) {
    this.#broker = broker;
    this.#log = log;
  }

  /** @throws TaskCenterError `broker-closed` once no call is accepted any more */
  checkOpen(): void {
    if (this.#isClosed) throw this.#closedError();
  }

  /** Has the end of the broker stop it. @throws TaskCenterError `broker-closed` once the end has begun */
  add(running: Running): void {
    if (this.#ending) throw this.#closedError();
    this.#running.add(running);
  }

  /** It has stopped. */
  delete(running: Running): void {
    this.#running.delete(running);
  }

  /** Has the end of the broker wait for work that is between two calls, such as a schema that checks a payload. */
  async track<T>(work: Promise<T>): Promise<T> {
    this.#callsUnderWay += 1;
    try {
      return await work;
    } finally {
      this.#callsUnderWay -= 1;
    }
  }

  /**
   * Has the end of the broker end a wait that may take any time, such as that for a result: `end` is called when no call is accepted
   * any more. Returns what forgets it.
   */
  onEnd(end: () => void): () => void {
    this.#waits.add(end);
    return () => void this.#waits.delete(end);
  }

  /** Ends it. May be called again: all calls resolve when the end is there. */
  end(broker: BrokerEnd): Promise<void> {
    this.#ending ??= this.#end(broker);
    return this.#ending;
  }

  async #end({ isIdle, isOutOfReach, close }: BrokerEnd): Promise<void> {
    if (this.#running.size > 0) await this.#stopRunning();
    this.#isClosed = true;
    for (const end of this.#waits) end();
    await untilIdle(() => this.#callsUnderWay === 0 && isIdle(), isOutOfReach);
    await close();
  }

  async #stopRunning(): Promise<void> {
    const stops = [...this.#running].map((running) => running.stop());
    for (const outcome of await Promise.allSettled(stops)) {
      if (outcome.status === 'fulfilled') continue;
      const fields = { broker: this.#broker, err: outcome.reason as unknown };
      this.#log.error(
        fields,
        'something that ran on the broker failed to stop; the broker is closed all the same',
      );
    }
  }

  #closedError(): TaskCenterError {
    return new TaskCenterError('broker-closed', { broker: this.#broker });
  }
}
