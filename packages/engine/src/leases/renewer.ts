import type { Lease } from '../broker/consume.ts';
import type { RenewalReport, LeaseSettings } from '../broker/lease-renewal.ts';
import { messageOf } from '../errors/task-center-error.ts';
import type { Clock } from '../runtime/clock.ts';
import { within } from '../runtime/within.ts';
import {
  RENEWER_ALIVE_MS,
  DEGRADED,
  HEALTHY,
  RELEASED,
  slotsOf,
  HEALTH,
  MAIN_ALIVE_MS,
  type Chunk,
  type ControlBlock,
  type Slot,
} from './lease-memory.ts';
import { createStallWatch, type StallWatch } from './stall-watch.ts';
import { renewEveryMs, trustMs } from './lease-times.ts';

/** How often the renewer looks at its leases and at the main thread. */
const CHECK_MS = 250;
/** Wait before a failed renewal is tried again. */
const RENEWAL_RETRY_MS = 250;
/** How long a process that is about to end itself waits for the broker to take its leases back. */
const RELEASE_MS = 1_000;
/** How many tasks the last message of such a process names. */
const MAX_NAMED_TASKS = 5;

export interface RenewerDeps {
  /** Its monotonic time is the main thread's, on whatever thread the renewer runs. */
  readonly clock: Clock;
  /** Extends leases at the broker to `lengthMs` from now; 0 ends them. See `Consume.extend`. */
  extend(leases: readonly Lease[], lengthMs: number): Promise<readonly boolean[]>;
  /** Passes a report on to the worker that owns the leases. */
  report(owner: number, report: RenewalReport): void;
  /** Whether it runs on another thread than the handlers. Then it gives signs of life and expects them. */
  readonly watchesMainThread: boolean;
  /** Ends this process. */
  failStop(reason: string): void;
}

/** One worker, as the renewer sees it. */
interface LeaseOwner {
  readonly id: number;
  readonly settings: LeaseSettings;
  readonly controlBlock: ControlBlock;
  readonly slots: Slot[];
  readonly stall: StallWatch;
  /** When its leases are renewed next, monotonic. */
  dueMs: number;
}

/** A lease as it was read from shared memory. */
interface FoundLease extends Lease {
  readonly owner: LeaseOwner;
  readonly slot: Slot;
  readonly generation: number;
}

/**
 * Reads a slot. Undefined if the slot is free, if its lease must not be renewed any more, or if the main thread changed
 * it during the read: the generation is read before and after.
 */
function readLease(owner: LeaseOwner, slot: Slot, nowMs: number): FoundLease | undefined {
  const { generation } = slot;
  if (generation === 0 || slot.isLost(generation) || slot.trustedUntilMs <= nowMs) return undefined;
  const found = { owner, slot, generation, queue: slot.readQueue(), id: slot.readId(), token: slot.token };
  return slot.generation === generation ? found : undefined;
}

/** Whether the slot still has the lease that was read from it. */
const isSameLease = ({ slot, generation }: FoundLease): boolean => slot.generation === generation;

/**
 * Renews the leases of one or more workers (its owners), whatever their main thread does. It finds the leases in shared
 * memory and writes there until when each may be trusted.
 *
 * Beside the main thread it also watches for a blocked event loop. A worker is marked degraded after 2 s without a sign
 * of life, and its leases are given up after `maxStallMs`. See docs/design/guarantees.md#blocked-event-loop.
 */
export class Renewer {
  readonly #deps: RenewerDeps;
  readonly #owners = new Map<number, LeaseOwner>();
  /** Lease lengths and queues with a renewal under way, as `<leaseMs> <queue>`. */
  readonly #underWay = new Set<string>();
  /** When the leases of a queue were renewed last, under the same names; only while there are any. */
  readonly #renewedMs = new Map<string, number>();
  #stopping: AbortController | undefined;

  constructor(deps: RenewerDeps) {
    this.#deps = deps;
  }

  /** Takes a worker's leases into care. */
  add(ownerId: number, settings: LeaseSettings, controlBlock: ControlBlock): void {
    const { clock } = this.#deps;
    const dueMs = clock.monotonicMs() + renewEveryMs(settings.leaseMs);
    const stall = createStallWatch(clock);
    this.#owners.set(ownerId, { id: ownerId, settings, controlBlock, slots: [], stall, dueMs });
    controlBlock.times[RENEWER_ALIVE_MS] = clock.monotonicMs();
  }

  /** Adds a part of the worker's lease table. */
  addChunk(ownerId: number, chunk: Chunk): void {
    this.#owners.get(ownerId)?.slots.push(...slotsOf(chunk));
  }

  /** Forgets a worker; its leases are not renewed any more. */
  remove(ownerId: number): void {
    this.#owners.delete(ownerId);
  }

  start(): void {
    if (this.#stopping) return;
    this.#stopping = new AbortController();
    void this.#run(this.#stopping.signal);
  }

  stop(): void {
    this.#stopping?.abort();
    this.#stopping = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#check(signal);
      await this.#deps.clock.sleep(CHECK_MS, signal);
    }
  }

  #check(signal: AbortSignal): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const due = new Set<number>();
    for (const owner of this.#owners.values()) {
      if (this.#deps.watchesMainThread) {
        owner.controlBlock.times[RENEWER_ALIVE_MS] = nowMs;
        this.#watchMainThread(owner, nowMs);
      }
      if (nowMs >= owner.dueMs) due.add(owner.settings.leaseMs);
    }
    for (const leaseMs of due) {
      const queues = this.#takeDue(leaseMs);
      this.#forgetEmptyQueues(leaseMs, queues);
      // One call per queue: a node that is out of reach must not cost a lease on another node.
      for (const [queue, found] of queues) void this.#renew(queue, found, { leaseMs, signal });
    }
  }

  /** All leases of this length, by queue. Sets when they are due again. */
  #takeDue(leaseMs: number): Map<string, FoundLease[]> {
    const queues = new Map<string, FoundLease[]>();
    for (const owner of this.#ownersWith(leaseMs)) {
      owner.dueMs = this.#deps.clock.monotonicMs() + renewEveryMs(leaseMs);
      for (const found of this.#leasesOf(owner)) {
        const inQueue = queues.get(found.queue);
        if (inQueue) inQueue.push(found);
        else queues.set(found.queue, [found]);
      }
    }
    return queues;
  }

  #ownersWith(leaseMs: number): LeaseOwner[] {
    return [...this.#owners.values()].filter(({ settings }) => settings.leaseMs === leaseMs);
  }

  /** A queue that has no leases now has no time between renewals either. */
  #forgetEmptyQueues(leaseMs: number, queues: ReadonlyMap<string, unknown>): void {
    const prefix = `${leaseMs} `;
    for (const name of this.#renewedMs.keys()) {
      if (name.startsWith(prefix) && !queues.has(name.slice(prefix.length))) this.#renewedMs.delete(name);
    }
  }

  #leasesOf(owner: LeaseOwner): FoundLease[] {
    const nowMs = this.#deps.clock.monotonicMs();
    return owner.slots.flatMap((slot) => readLease(owner, slot, nowMs) ?? []);
  }

  #leasesIn(queue: string, leaseMs: number): FoundLease[] {
    return this.#ownersWith(leaseMs).flatMap((owner) =>
      this.#leasesOf(owner).filter((found) => found.queue === queue),
    );
  }

  /** Renews the leases of a queue: tries until a call succeeds, or until nothing is left to renew. */
  async #renew(
    queue: string,
    first: readonly FoundLease[],
    { leaseMs, signal }: { readonly leaseMs: number; readonly signal: AbortSignal },
  ): Promise<void> {
    const name = `${leaseMs} ${queue}`;
    if (this.#underWay.has(name)) return;
    this.#underWay.add(name);
    const { clock } = this.#deps;
    for (let found = first; found.length > 0 && !signal.aborted;) {
      const sinceMs = clock.monotonicMs();
      try {
        const renewed = await this.#deps.extend(found, leaseMs);
        const gapMs = sinceMs - (this.#renewedMs.get(name) ?? sinceMs);
        this.#renewedMs.set(name, sinceMs);
        this.#applyAnswer(found, renewed, sinceMs);
        const lost = renewed.filter((isRenewed) => !isRenewed).length;
        this.#report(found, { kind: 'renewed', queue, leases: found.length, lost, sinceMs, gapMs });
        break;
      } catch (error) {
        if (signal.aborted) break;
        const cause = messageOf(error);
        this.#report(found, { kind: 'failed', queue, leases: found.length, cause });
        await clock.sleep(RENEWAL_RETRY_MS, signal);
        found = this.#leasesIn(queue, leaseMs);
      }
    }
    this.#underWay.delete(name);
  }

  /**
   * A renewed lease is trusted from the start of the call that renewed it, never from its answer: the broker counts from
   * a moment in between. A lease that was not renewed belongs to another worker by now.
   */
  #applyAnswer(found: readonly FoundLease[], renewed: readonly boolean[], sinceMs: number): void {
    found.forEach((lease, i) => {
      if (!isSameLease(lease)) return;
      if (renewed[i] === true) lease.slot.trustUntil(sinceMs + trustMs(lease.owner.settings.leaseMs));
      else lease.slot.markLost(lease.generation);
    });
  }

  #report(found: readonly FoundLease[], report: RenewalReport): void {
    for (const ownerId of new Set(found.map(({ owner: { id } }) => id))) this.#deps.report(ownerId, report);
  }

  /** Sets a worker's health from the time without a sign of life of its main thread; see `HEALTH`. */
  #watchMainThread(owner: LeaseOwner, nowMs: number): void {
    const { controlBlock, settings, stall } = owner;
    const stallMs = stall.measure(controlBlock.times[MAIN_ALIVE_MS] ?? 0, nowMs);
    if (stallMs < stall.degradedMs) {
      Atomics.store(controlBlock.words, HEALTH, HEALTHY);
      return;
    }
    if (Atomics.load(controlBlock.words, HEALTH) === RELEASED) return;
    const leases = this.#leasesOf(owner);
    // An idle main thread gives no signs of life. A degraded one stays degraded, though all its leases may have ended.
    if (leases.length === 0 && Atomics.load(controlBlock.words, HEALTH) === HEALTHY) return stall.reset();
    Atomics.store(controlBlock.words, HEALTH, DEGRADED);
    if (stallMs >= settings.maxStallMs) {
      Atomics.store(controlBlock.words, HEALTH, RELEASED);
      void this.#giveUp(owner, leases, stallMs);
      return;
    }
    // A blocked main thread cannot end an attempt at its deadline. The attempt's lease ends instead.
    const late = leases.filter(({ slot }) => slot.deadlineMs + stall.degradedMs <= nowMs);
    if (late.length > 0) void this.#release(late);
  }

  /** Gives back all tasks of a worker whose main thread hangs, and ends the process where the settings say so. */
  async #giveUp(owner: LeaseOwner, leases: readonly FoundLease[], stallMs: number): Promise<void> {
    const { clock, report, failStop } = this.#deps;
    const atMs = clock.monotonicMs();
    await within(clock, RELEASE_MS, () => this.#release(leases));
    report(owner.id, { kind: 'released', leases: leases.length, stallMs, atMs });
    if (!owner.settings.failStop) return;
    const named = leases.slice(0, MAX_NAMED_TASKS).map(({ queue, id }) => `${queue}/${id}`);
    const more = leases.length > named.length ? ` and ${leases.length - named.length} more` : '';
    const tasks =
      leases.length === 0 ? 'it holds no task any more' : `it gave back the tasks ${named.join(', ')}`;
    failStop(`its event loop was blocked for ${Math.round(stallMs / 1_000)} s; ${tasks}${more}`);
  }

  /** Ends leases now. The recoverer returns the tasks to their queue and counts a crash for each. */
  async #release(leases: readonly FoundLease[]): Promise<void> {
    for (const { slot, generation } of leases) slot.markLost(generation);
    try {
      await this.#deps.extend(leases, 0);
    } catch {
      // Nobody renews them any more: they expire within their length.
    }
  }
}
