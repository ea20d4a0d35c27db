import type { Consume, LeasedTask } from '../broker/consume.ts';
import type { LeaseRenewal, RenewedLeases, LeaseNote, LeaseSettings } from '../broker/lease-renewal.ts';
import { RENEWER_ALIVE_MS, HEALTHY, controlBlockOf, HEALTH, MAIN_ALIVE_MS } from '../leases/lease-memory.ts';
import { LeaseTable } from '../leases/lease-table.ts';
import { createRenewer, type Renewer } from '../leases/renewer.ts';
import { createStallWatch, type StallWatch } from '../leases/stall-watch.ts';
import { trustMs } from '../leases/lease-times.ts';
import { createLoop } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** How often the main thread gives a sign of life, and looks which leases are lost. */
const TICK_MS = 100;
const IDLE_MS = 60_000;
/** A sign of life that comes so much later than it should is told. */
const STALL_MS = 250;
const LONG_STALL_MS = 2_000;
/** The other thread looks four times a second. */
const LATE_MS = 2_000;
const LATE_AGAIN_MS = 10_000;
/** So long a thread may take to begin on a machine that is busy. */
const START_MS = 5_000;

/**
 * Keeps the leases of running attempts alive: the worker's leaseRenewal. It says so, once, when one is lost: somebody
 * else has it, or it could not be renewed in time and must no longer be trusted. The broker's thread renews; where it
 * has none, or that one gives no sign of life, the main thread does it.
 */
export interface LeaseKeeper {
  /** Whether the main thread keeps up: after it hung no task is taken until it has caught up. */
  readonly keepsUp: boolean;
  /** Holds a lease that was asked for at `sinceMs` (monotonic). */
  track(task: LeasedTask, sinceMs: number): void;
  /**
   * Its attempt begins, and has to end by `endsMs` (monotonic): a main thread that hangs keeps the lease no longer.
   * Returns false where the lease is lost already.
   */
  begin(task: LeasedTask, endsMs: number): boolean;
  /** The attempt has ended: no renewal any more. */
  release(task: LeasedTask): void;
  start(): void;
  stop(): Promise<void>;
}

export interface LeaseKeeperDeps {
  readonly broker: { readonly consume: Pick<Consume, 'extend'>; readonly leaseRenewal: LeaseRenewal | null };
  readonly runtime: Runtime;
  readonly settings: LeaseSettings;
  /** Attempts at once. */
  readonly concurrency: number;
  onLost(task: LeasedTask): void;
  /** The main thread keeps up again. */
  onCaughtUp(): void;
}

class Keeper implements LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #head = controlBlockOf();
  readonly #table: LeaseTable<LeasedTask>;
  readonly #trustMs: number;
  readonly #own: Renewer;
  readonly #ticks;
  readonly #beats: StallWatch;
  #kept: RenewedLeases | undefined;
  #ticking = false;
  #behind = false;
  #replacedMs = -Infinity;

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
    const { runtime, broker, settings, concurrency } = deps;
    this.#trustMs = trustMs(settings.leaseMs);
    this.#beats = createStallWatch(runtime.clock);
    this.#own = createRenewer({
      clock: runtime.clock,
      extend: (leases, lengthMs) => broker.consume.extend(leases, lengthMs),
      note: (_, note) => this.#note(note),
      // Who runs on the main thread does not see it hang.
      watches: false,
      failStop() {},
    });
    this.#own.add(0, settings, this.#head);
    this.#table = new LeaseTable(Math.max(32, Math.min(2 * concurrency, 4_096)), (chunk) => {
      this.#own.addChunk(0, chunk);
      this.#kept?.add(chunk);
    });
    this.#ticks = createLoop({ name: 'lease-ticks', runtime, step: () => Promise.resolve(this.#tick()) });
  }

  get keepsUp(): boolean {
    return Atomics.load(this.#head.words, HEALTH) === HEALTHY;
  }

  track(task: LeasedTask, sinceMs: number): void {
    if (!this.#ticking) this.#tickSoon();
    this.#table.track(task, sinceMs + this.#trustMs);
  }

  begin(task: LeasedTask, endsMs: number): boolean {
    return this.#table.begin(task, endsMs, this.#deps.runtime.clock.monotonicMs());
  }

  release(task: LeasedTask): void {
    this.#table.release(task);
  }

  start(): void {
    const { broker, settings } = this.#deps;
    this.#alive();
    this.#ticks.start();
    if (broker.leaseRenewal)
      this.#kept = broker.leaseRenewal.renew(settings, this.#head.memory, (note) => this.#note(note));
    else this.#own.start();
  }

  async stop(): Promise<void> {
    this.#kept?.end();
    this.#own.stop();
    await this.#ticks.stop();
  }

  /** It owes signs of life again, from now on. */
  #tickSoon(): void {
    this.#ticking = true;
    this.#alive();
    this.#ticks.wake();
  }

  #alive(): void {
    this.#head.times[MAIN_ALIVE_MS] = this.#deps.runtime.clock.monotonicMs();
  }

  /** Returns the ms until the next one. */
  #tick(): number {
    const nowMs = this.#deps.runtime.clock.monotonicMs();
    if (this.#ticking) this.#tellStall(nowMs);
    this.#alive();
    for (const task of this.#table.lost(nowMs)) {
      this.#table.release(task);
      this.#deps.onLost(task);
    }
    this.#watchRenewals(nowMs);
    if (this.#behind && this.keepsUp) {
      this.#behind = false;
      this.#deps.onCaughtUp();
    }
    this.#ticking = this.#table.size > 0 || this.#behind;
    return this.#ticking ? TICK_MS : IDLE_MS;
  }

  #tellStall(nowMs: number): void {
    const stallMs = Math.round(nowMs - (this.#head.times[MAIN_ALIVE_MS] ?? nowMs) - TICK_MS);
    this.#behind ||= !this.keepsUp;
    if (stallMs < STALL_MS) return;
    const { events, log } = this.#deps.runtime;
    const attempts = this.#table.size;
    if (stallMs >= LONG_STALL_MS) {
      const types = [...new Set([...this.#table.leases()].map(({ type }) => type))].slice(0, 10);
      log.warn(
        { stall_ms: stallMs, attempts, types },
        'the event loop hung; a handler may have blocked it: move what it computes to another thread',
      );
    }
    events.emit('loop.stalled', { stallMs, attempts });
  }

  /** While the other thread gives no sign of life, this one renews. */
  #watchRenewals(nowMs: number): void {
    if (!this.#kept) return;
    const beatMs = this.#head.times[RENEWER_ALIVE_MS] ?? 0;
    const lateMs = this.#beats.look(beatMs, nowMs);
    if (lateMs < (beatMs === 0 ? START_MS : LATE_MS)) return this.#own.stop();
    this.#own.start();
    if (nowMs - this.#replacedMs < LATE_AGAIN_MS) return;
    this.#replacedMs = nowMs;
    this.#deps.runtime.log.error(
      { late_ms: Math.round(lateMs) },
      'the thread that renews leases gives no sign of life; another one is started',
    );
    this.#kept.replace();
  }

  #note(note: LeaseNote): void {
    const { log, events } = this.#deps.runtime;
    switch (note.kind) {
      case 'renewed': {
        const { queue, leases, lost, sinceMs, gapMs } = note;
        events.emit('leases.renewed', { queue, leases, lost, sinceMs, gapMs });
        return;
      }
      case 'failed':
        log.warn(
          { queue: note.queue, leases: note.leases, cause: note.cause },
          'leases could not be renewed; trying again',
        );
        return;
      case 'released':
        log.error(
          { stall_ms: Math.round(note.stallMs), leases: note.leases },
          'the event loop hung for too long; its leases were given up',
        );
        events.emit('leases.released', { leases: note.leases, stallMs: note.stallMs, atMs: note.atMs });
    }
  }
}

export function createLeaseKeeper(deps: LeaseKeeperDeps): LeaseKeeper {
  return new Keeper(deps);
}
