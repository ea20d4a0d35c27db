import type { MemoryBroker } from '../brokers/sqlite/memory/memory-broker.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { systemClock } from '../runtime/clock.ts';
import type { LiveLeases } from './live-leases.ts';
import type { ManualClock } from './manual-clock.ts';
import type { RunningHandlers } from './running-handlers.ts';

export interface TimelineDeps {
  readonly clock: ManualClock;
  readonly handlers: RunningHandlers;
  readonly leases: LiveLeases;
  readonly store: Pick<MemoryBroker, 'calls' | 'outlook'>;
  /** Longest real time in which handlers work and nothing else happens. */
  readonly maxWorkMs: number;
}

/** Everything is settled when nothing has happened for this number of turns of the event loop. */
const QUIET_TURNS = 5;
/** After this number of turns a handler waits for something outside of this thread. */
const BUSY_TURNS = 100;
/** For this long after its end a lease of a worker that is gone is waited for: the recoverer holds off after a stall. */
const MAX_RECOVERY_MS = 60_000;

/** As it is when this module is loaded: fake timers that a test installs later do not change it. */
const realImmediate = globalThis.setImmediate;
const turn = (): Promise<void> => new Promise((resolve) => void realImmediate(resolve));

const timeMisused = (cause: string, fix: string) =>
  new TaskCenterError('test-broker-misused', { cause, fix });

/**
 * Moves the time of a test: from one moment at which something is due to the next, and at each it waits until all that follows
 * has been done. Looks of those who poll are left out while there is nothing for them to find.
 */
export class Timeline {
  readonly #deps: TimelineDeps;
  /** Until then those who poll have looked at what expires, wall-clock ms. */
  #lookedMs: number;
  #isMoving = false;

  constructor(deps: TimelineDeps) {
    this.#deps = deps;
    this.#lookedMs = deps.clock.wallMs();
  }

  /** @throws TaskCenterError `test-broker-misused` */
  async advance(ms: number): Promise<void> {
    if (this.#deps.handlers.isInHandler)
      throw timeMisused('a handler called advance()', 'Let the handler wait with clock.sleep() instead.');
    if (this.#isMoving)
      throw timeMisused(
        'advance() was called while an earlier call moved the time',
        'Await each call of advance().',
      );
    if (globalThis.setImmediate !== realImmediate)
      throw timeMisused(
        'timers are fake, and the engine cannot work without setImmediate',
        'Leave it real: vi.useFakeTimers({ toFake: ["Date"] }), jest.useFakeTimers({ doNotFake: ["setImmediate"] }).',
      );
    this.#isMoving = true;
    try {
      await this.#moveTo(this.#deps.clock.monotonicMs() + ms);
    } finally {
      this.#isMoving = false;
    }
  }

  /** Moves time on until `ended` has: what stops may wait for handlers that sleep. */
  async advanceUntil(ended: Promise<unknown>): Promise<void> {
    let isOver = false;
    const over = () => (isOver = true);
    ended.then(over, over);
    while (!isOver) {
      await this.#settle(() => isOver).catch(() => {});
      const { nextDueMs } = this.#deps.clock;
      if (isOver || nextDueMs === Infinity) break;
      this.#moveClock(nextDueMs);
      this.#deps.clock.wakeDue();
    }
  }

  async #moveTo(endMs: number): Promise<void> {
    const { clock } = this.#deps;
    await this.#settle();
    for (;;) {
      const lookMs = this.#nextLookMs();
      const nextMs = Math.min(clock.nextDueMs, lookMs);
      if (nextMs > endMs) break;
      await this.#stepTo(nextMs, lookMs <= nextMs);
    }
    await this.#stepTo(endMs, true);
  }

  async #stepTo(ms: number, isLook: boolean): Promise<void> {
    const { clock } = this.#deps;
    const hasLost = this.#moveClock(ms);
    clock.wakeDue();
    if (isLook || hasLost) {
      clock.wakeLooks();
      this.#lookedMs = clock.wallMs();
    }
    await this.#settle();
  }

  /** Returns whether a worker has lost a lease. */
  #moveClock(ms: number): boolean {
    const { clock, leases } = this.#deps;
    clock.moveTo(ms);
    return leases.renewAll();
  }

  /** When those who poll will find something, monotonic. */
  #nextLookMs(): number {
    const { clock, store, leases } = this.#deps;
    const nowMs = clock.monotonicMs();
    const expiryMs = store.outlook.nextExpiryMs(this.#lookedMs) - clock.wallMs() + nowMs;
    const { count, lastEndMs } = store.outlook.leases();
    // The leases of workers that are gone: when they are taken back depends on how often they are looked at.
    const isLost = count > leases.count && lastEndMs + MAX_RECOVERY_MS > nowMs;
    return isLost ? Math.min(expiryMs, clock.nextLookMs) : expiryMs;
  }

  /** Waits until everything that is due now has run. `isEnough`: ends the wait. */
  async #settle(isEnough = () => false): Promise<void> {
    const { handlers } = this.#deps;
    let quietTurns = 0;
    let changes = -1;
    let changedMs = systemClock.monotonicMs();
    for (let turns = 0; quietTurns < QUIET_TURNS && !isEnough(); turns += 1) {
      await (handlers.working > 0 && turns > BUSY_TURNS ? systemClock.sleep(1) : turn());
      const before = changes;
      changes = this.#countChanges();
      if (changes !== before) {
        quietTurns = turns = 0;
        changedMs = systemClock.monotonicMs();
      } else if (handlers.working === 0 && this.#deps.store.calls.isIdle) {
        quietTurns += 1;
      } else {
        quietTurns = 0;
        if (systemClock.monotonicMs() - changedMs > this.#deps.maxWorkMs) throw this.#stuck();
      }
    }
  }

  #countChanges(): number {
    const { clock, store } = this.#deps;
    return clock.changes + store.calls.made;
  }

  #stuck(): TaskCenterError {
    const { handlers, maxWorkMs } = this.#deps;
    const working = handlers.describeWorking() || 'a middleware';
    return timeMisused(
      `time cannot move on: for ${maxWorkMs} ms of real time nothing has happened but that a handler works: ${working}`,
      'Let what it waits for answer in real time, or let it wait with clock.sleep(); maxHandlerWait allows more time.',
    );
  }
}
