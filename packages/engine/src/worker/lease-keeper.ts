import type { Consume } from '../broker/consume.ts';
import type { LeaseRenewal, RenewedLeases, RenewalReport, LeaseSettings } from '../broker/lease-renewal.ts';
import { RENEWER_ALIVE_MS, HEALTHY, controlBlockOf, HEALTH, MAIN_ALIVE_MS } from '../leases/lease-memory.ts';
import { LeaseTable } from '../leases/lease-table.ts';
import { Renewer } from '../leases/renewer.ts';
import { createStallWatch, type StallWatch } from '../leases/stall-watch.ts';
import { trustMs } from '../leases/lease-times.ts';
import type { LeaseLossCause } from '../runtime/events.ts';
import { createLoop, poll } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { HeldTask } from './held-task.ts';

/** Time between two signs of life of the main thread while it holds leases; then it also looks which of them are lost. */
const TICK_MS = 100;
const IDLE_TICK_MS = 60_000;
/** A sign of life that is late by this much is reported as a stall. */
const STALL_MS = 250;
/** A stall of this length is also logged. */
const LONG_STALL_MS = 2_000;
/** A stall's log line names this number of task types at most. */
const MAX_NAMED_TYPES = 10;
/** Without a sign of life of the renewer thread for this time, the main thread renews. The thread gives one every 250 ms. */
const MAX_SILENCE_MS = 2_000;
/** The same until its first sign of life: on a busy machine a thread takes a while to start. */
const MAX_START_MS = 5_000;
/** Shortest time between two replacements of the renewer thread. */
const REPLACE_AGAIN_MS = 10_000;
/** Slots of each part of the lease table; between these bounds twice the worker's concurrency. */
const MIN_CHUNK_SLOTS = 32;
const MAX_CHUNK_SLOTS = 4_096;

export interface LeaseKeeperDeps {
  readonly broker: { readonly consume: Pick<Consume, 'extend'>; readonly leaseRenewal: LeaseRenewal | null };
  readonly runtime: Runtime;
  readonly settings: LeaseSettings;
  /** Most attempts at once. */
  readonly concurrency: number;
  /** A lease is lost: the attempt must not go on. Called once per lease; the keeper has forgotten it. */
  onLost(held: HeldTask): void;
  /** The main thread keeps up again after a stall. */
  onCaughtUp(): void;
}

/**
 * Keeps the leases of a worker's running attempts alive. The broker's renewer thread renews them. Where the broker has
 * none, or while it gives no sign of life, the main thread does it here.
 *
 * Reports each lost lease once. A lease is lost when another worker has it, or when it could not be renewed in time and
 * must no longer be trusted. leases/README.md shows how the threads work together.
 */
export class LeaseKeeper {
  readonly #deps: LeaseKeeperDeps;
  readonly #controlBlock = controlBlockOf();
  readonly #table: LeaseTable<HeldTask>;
  readonly #trustMs: number;
  /** Renews on the main thread, while it is started. */
  readonly #ownRenewer: Renewer;
  readonly #tickLoop;
  /** Watches the renewer thread's signs of life. */
  readonly #renewerWatch: StallWatch;
  /** The leases in the care of the renewer thread; undefined where the broker has none. */
  #remote: RenewedLeases | undefined;
  /** Whether the main thread owes signs of life now. */
  #isTicking = false;
  /** Whether it has stalled, and `onCaughtUp` was not called since. */
  #isBehind = false;
  #replacedMs = -Infinity;

  constructor(deps: LeaseKeeperDeps) {
    this.#deps = deps;
    const { runtime, broker, settings, concurrency } = deps;
    this.#trustMs = trustMs(settings.leaseMs);
    this.#renewerWatch = createStallWatch(runtime.clock);
    this.#ownRenewer = new Renewer({
      clock: runtime.clock,
      extend: (leases, lengthMs) => broker.consume.extend(leases, lengthMs),
      report: (_, report) => this.#onReport(report),
      // On the main thread it cannot see the main thread hang.
      watchesMainThread: false,
      failStop() {},
    });
    this.#ownRenewer.add(0, settings, this.#controlBlock);
    this.#table = new LeaseTable(
      Math.max(MIN_CHUNK_SLOTS, Math.min(2 * concurrency, MAX_CHUNK_SLOTS)),
      (chunk) => {
        this.#ownRenewer.addChunk(0, chunk);
        this.#remote?.add(chunk);
      },
    );
    this.#tickLoop = createLoop({
      name: 'lease-ticks',
      runtime,
      step: () => Promise.resolve(poll(this.#tick())),
    });
  }

  /** Whether the main thread keeps up. After a stall it takes no task until it has caught up. */
  get keepsUp(): boolean {
    return Atomics.load(this.#controlBlock.words, HEALTH) === HEALTHY;
  }

  /** Keeps the lease from now on. `sinceMs`: start of the call that took it, monotonic. */
  track(held: HeldTask, sinceMs: number): void {
    if (!this.#isTicking) this.#tickSoon();
    this.#table.track(held, sinceMs + this.#trustMs);
  }

  /**
   * The lease's attempt begins, and must end by `endsMs` (monotonic): a main thread that hangs keeps the lease no longer
   * than that. Returns false if the lease is lost already.
   */
  begin(held: HeldTask, endsMs: number): boolean {
    const isHeld = this.#table.begin(held, endsMs, this.#deps.runtime.clock.monotonicMs());
    if (!isHeld) held.lossCause = this.#lossCauseOf(held);
    return isHeld;
  }

  /** The attempt has ended: the lease is not renewed any more. */
  release(held: HeldTask): void {
    this.#table.release(held);
  }

  /** The tasks whose leases it keeps, in the order in which they were tracked. */
  leases(): Iterable<HeldTask> {
    return this.#table.leases();
  }

  start(): void {
    const { broker, settings } = this.#deps;
    this.#signalAlive();
    this.#tickLoop.start();
    if (broker.leaseRenewal) {
      const { memory } = this.#controlBlock;
      this.#remote = broker.leaseRenewal.renew(settings, memory, (report) => this.#onReport(report));
    } else {
      this.#ownRenewer.start();
    }
  }

  async stop(): Promise<void> {
    this.#remote?.end();
    this.#ownRenewer.stop();
    await this.#tickLoop.stop();
  }

  /** Signs of life are due again, from now on. */
  #tickSoon(): void {
    this.#isTicking = true;
    this.#signalAlive();
    this.#tickLoop.wake();
  }

  #signalAlive(): void {
    this.#controlBlock.times[MAIN_ALIVE_MS] = this.#deps.runtime.clock.monotonicMs();
  }

  /** One tick. Returns the ms until the next one. */
  #tick(): number {
    const nowMs = this.#deps.runtime.clock.monotonicMs();
    if (this.#isTicking) this.#reportStall(nowMs);
    this.#signalAlive();
    for (const held of this.#table.findLost(nowMs)) {
      held.lossCause = this.#lossCauseOf(held);
      this.#table.release(held);
      this.#deps.onLost(held);
    }
    this.#watchRenewer(nowMs);
    if (this.#isBehind && this.keepsUp) {
      this.#isBehind = false;
      this.#deps.onCaughtUp();
    }
    this.#isTicking = this.#table.size > 0 || this.#isBehind;
    return this.#isTicking ? TICK_MS : IDLE_TICK_MS;
  }

  /** Of a lease that is in the table and must not be trusted any more. */
  #lossCauseOf({ slot, generation }: HeldTask): LeaseLossCause {
    if (!slot?.isLost(generation)) return 'expired';
    return this.#isBehind ? 'stalled' : 'taken';
  }

  #reportStall(nowMs: number): void {
    const stallMs = Math.round(nowMs - (this.#controlBlock.times[MAIN_ALIVE_MS] ?? nowMs) - TICK_MS);
    this.#isBehind ||= !this.keepsUp;
    if (stallMs < STALL_MS) return;
    const { events, log } = this.#deps.runtime;
    const attempts = this.#table.size;
    if (stallMs >= LONG_STALL_MS) {
      const types = [...new Set([...this.#table.leases()].map(({ task }) => task.type))].slice(
        0,
        MAX_NAMED_TYPES,
      );
      log.warn(
        { stall_ms: stallMs, attempts, types },
        'the event loop was blocked, probably by a handler; move long computations to another thread',
      );
    }
    events.emit('loop.stalled', { stallMs, attempts });
  }

  /** Renews on the main thread while the renewer thread gives no sign of life, and replaces that thread. */
  #watchRenewer(nowMs: number): void {
    if (!this.#remote) return;
    const aliveMs = this.#controlBlock.times[RENEWER_ALIVE_MS] ?? 0;
    const silentMs = this.#renewerWatch.measure(aliveMs, nowMs);
    if (silentMs < (aliveMs === 0 ? MAX_START_MS : MAX_SILENCE_MS)) return this.#ownRenewer.stop();
    this.#ownRenewer.start();
    if (nowMs - this.#replacedMs < REPLACE_AGAIN_MS) return;
    this.#replacedMs = nowMs;
    this.#deps.runtime.log.error(
      { late_ms: Math.round(silentMs) },
      'the lease renewer thread gives no sign of life; starting another one',
    );
    this.#remote.replace();
  }

  #onReport(report: RenewalReport): void {
    const { log, events } = this.#deps.runtime;
    switch (report.kind) {
      case 'renewed': {
        const { queue, leases, lost, sinceMs, gapMs } = report;
        events.emit('leases.renewed', { queue, leases, lost, sinceMs, gapMs });
        return;
      }
      case 'failed':
        log.warn(
          { queue: report.queue, leases: report.leases, cause: report.cause },
          'leases could not be renewed; trying again',
        );
        return;
      case 'released':
        log.error(
          { stall_ms: Math.round(report.stallMs), leases: report.leases },
          'the event loop was blocked for too long; its leases were given up',
        );
        events.emit('leases.released', { leases: report.leases, stallMs: report.stallMs, atMs: report.atMs });
    }
  }
}
