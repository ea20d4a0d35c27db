import type { Lease } from '../broker/consume.ts';
import type { LeaseNote, LeaseSettings } from '../broker/lease-renewal.ts';
import type { Clock } from '../runtime/clock.ts';
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

const LOOK_MS = 250;
const RENEW_AGAIN_MS = 250;
/** How long a process that ends itself waits for its leases to be given up. */
const RELEASE_MS = 1_000;

export interface RenewerDeps {
  /** Its monotonic time is the main thread's. */
  readonly clock: Clock;
  extend(leases: readonly Lease[], lengthMs: number): Promise<readonly boolean[]>;
  note(owner: number, note: LeaseNote): void;
  /** Whether it runs beside the main thread: then each watches for the other's signs of life. */
  readonly watches: boolean;
  /** Ends this process for the reason given. */
  failStop(reason: string): void;
}

/** Renews the leases of workers, whatever their main thread does. */
export interface Renewer {
  add(owner: number, settings: LeaseSettings, head: ControlBlock): void;
  addChunk(owner: number, chunk: Chunk): void;
  remove(owner: number): void;
  start(): void;
  stop(): void;
}

/** A worker's leases, as they are seen from here. */
interface Owner {
  readonly no: number;
  readonly settings: LeaseSettings;
  readonly head: ControlBlock;
  readonly slots: Slot[];
  readonly stall: StallWatch;
  dueMs: number;
}

/** A lease as it was read. */
interface Found extends Lease {
  readonly owner: Owner;
  readonly slot: Slot;
  readonly generation: number;
}

/** What is in the slot; nothing while it is being written, is free or must not be renewed. */
function read(owner: Owner, slot: Slot, nowMs: number): Found | undefined {
  const { generation } = slot;
  if (generation === 0 || slot.isLost(generation) || slot.trustedUntilMs <= nowMs) return undefined;
  const found = { owner, slot, generation, queue: slot.queue(), id: slot.id(), token: slot.token };
  return slot.generation === generation ? found : undefined;
}

const holds = ({ slot, generation }: Found): boolean => slot.generation === generation;

class LeaseRenewer implements Renewer {
  readonly #deps: RenewerDeps;
  readonly #owners = new Map<number, Owner>();
  readonly #underWay = new Set<string>();
  /** When the leases of a queue were renewed last, while there are any. */
  readonly #renewedMs = new Map<string, number>();
  #ending: AbortController | undefined;

  constructor(deps: RenewerDeps) {
    this.#deps = deps;
  }

  add(no: number, settings: LeaseSettings, head: ControlBlock): void {
    const { clock } = this.#deps;
    const dueMs = clock.monotonicMs() + renewEveryMs(settings.leaseMs);
    this.#owners.set(no, { no, settings, head, slots: [], stall: createStallWatch(clock), dueMs });
    head.times[RENEWER_ALIVE_MS] = clock.monotonicMs();
  }

  addChunk(no: number, chunk: Chunk): void {
    this.#owners.get(no)?.slots.push(...slotsOf(chunk));
  }

  remove(no: number): void {
    this.#owners.delete(no);
  }

  start(): void {
    if (this.#ending) return;
    this.#ending = new AbortController();
    void this.#run(this.#ending.signal);
  }

  stop(): void {
    this.#ending?.abort();
    this.#ending = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#look(signal);
      await this.#deps.clock.sleep(LOOK_MS, signal);
    }
  }

  #look(signal: AbortSignal): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const due = new Set<number>();
    for (const owner of this.#owners.values()) {
      if (this.#deps.watches) {
        owner.head.times[RENEWER_ALIVE_MS] = nowMs;
        this.#watch(owner, nowMs);
      }
      if (nowMs >= owner.dueMs) due.add(owner.settings.leaseMs);
    }
    for (const leaseMs of due) {
      const queues = this.#byQueue(leaseMs);
      this.#forgetOthers(leaseMs, queues);
      // Each queue on its own: a server that is away must cost no lease elsewhere.
      for (const [queue, found] of queues) void this.#renew(queue, found, { leaseMs, signal });
    }
  }

  /** All leases of this length, by queue; they are due again after the usual time. */
  #byQueue(leaseMs: number): Map<string, Found[]> {
    const queues = new Map<string, Found[]>();
    for (const owner of this.#of(leaseMs)) {
      owner.dueMs = this.#deps.clock.monotonicMs() + renewEveryMs(leaseMs);
      for (const found of this.#leasesOf(owner)) {
        const some = queues.get(found.queue);
        if (some) some.push(found);
        else queues.set(found.queue, [found]);
      }
    }
    return queues;
  }

  #of(leaseMs: number): Owner[] {
    return [...this.#owners.values()].filter(({ settings }) => settings.leaseMs === leaseMs);
  }

  #forgetOthers(leaseMs: number, queues: ReadonlyMap<string, unknown>): void {
    const prefix = `${leaseMs} `;
    for (const name of this.#renewedMs.keys()) {
      if (name.startsWith(prefix) && !queues.has(name.slice(prefix.length))) this.#renewedMs.delete(name);
    }
  }

  #leasesOf(owner: Owner): Found[] {
    const nowMs = this.#deps.clock.monotonicMs();
    return owner.slots.flatMap((slot) => read(owner, slot, nowMs) ?? []);
  }

  #leasesIn(queue: string, leaseMs: number): Found[] {
    return this.#of(leaseMs).flatMap((owner) =>
      this.#leasesOf(owner).filter((found) => found.queue === queue),
    );
  }

  /** Until it succeeds, or nothing is left to renew. */
  async #renew(
    queue: string,
    first: readonly Found[],
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
        this.#settle(found, renewed, sinceMs);
        const lost = renewed.filter((one) => !one).length;
        this.#tell(found, { kind: 'renewed', queue, leases: found.length, lost, sinceMs, gapMs });
        break;
      } catch (error) {
        if (signal.aborted) break;
        const cause = error instanceof Error ? error.message : String(error);
        this.#tell(found, { kind: 'failed', queue, leases: found.length, cause });
        await clock.sleep(RENEW_AGAIN_MS, signal);
        found = this.#leasesIn(queue, leaseMs);
      }
    }
    this.#underWay.delete(name);
  }

  /** A lease is trusted from the start of the call that renewed it, never from its answer (reliability F.2). */
  #settle(found: readonly Found[], renewed: readonly boolean[], sinceMs: number): void {
    found.forEach((one, i) => {
      if (!holds(one)) return;
      if (renewed[i] === true) one.slot.trust(sinceMs + trustMs(one.owner.settings.leaseMs));
      else one.slot.lose(one.generation);
    });
  }

  #tell(found: readonly Found[], note: LeaseNote): void {
    for (const owner of new Set(found.map(({ owner: { no } }) => no))) this.#deps.note(owner, note);
  }

  /** The stages of a main thread that hangs (reliability F.5). */
  #watch(owner: Owner, nowMs: number): void {
    const { head, settings, stall } = owner;
    const stallMs = stall.look(head.times[MAIN_ALIVE_MS] ?? 0, nowMs);
    if (stallMs < stall.degradedMs) {
      Atomics.store(head.words, HEALTH, HEALTHY);
      return;
    }
    if (Atomics.load(head.words, HEALTH) === RELEASED) return;
    const held = this.#leasesOf(owner);
    // Who held something when it stopped has hung, also when all of it has been given up since.
    if (held.length === 0 && Atomics.load(head.words, HEALTH) === HEALTHY) return stall.reset();
    Atomics.store(head.words, HEALTH, DEGRADED);
    if (stallMs >= settings.maxStallMs) {
      Atomics.store(head.words, HEALTH, RELEASED);
      void this.#giveUp(owner, held, stallMs);
      return;
    }
    // Nobody ends an attempt in time any more: its lease ends with it.
    const late = held.filter(({ slot }) => slot.deadlineMs + stall.degradedMs <= nowMs);
    if (late.length > 0) void this.#release(late);
  }

  /** A hung process must not keep its tasks: others run them, as if it had died. */
  async #giveUp(owner: Owner, held: readonly Found[], stallMs: number): Promise<void> {
    const { clock, note, failStop } = this.#deps;
    const atMs = clock.monotonicMs();
    const late = new AbortController();
    await Promise.race([this.#release(held), clock.sleep(RELEASE_MS, late.signal)]);
    late.abort();
    note(owner.no, { kind: 'released', leases: held.length, stallMs, atMs });
    if (!owner.settings.failStop) return;
    const some = held.slice(0, 5).map(({ queue, id }) => `${queue}/${id}`);
    const more = held.length > some.length ? ` and ${held.length - some.length} more` : '';
    const given =
      held.length === 0 ? 'none of its tasks is left' : `these tasks are given back: ${some.join(', ')}`;
    failStop(`its main thread has hung for ${Math.round(stallMs / 1_000)} s; ${given}${more}`);
  }

  /** Ends leases now; the recoverer counts it as a crash. */
  async #release(found: readonly Found[]): Promise<void> {
    for (const { slot, generation } of found) slot.lose(generation);
    try {
      await this.#deps.extend(found, 0);
    } catch {
      // They end by themselves, as nobody renews them.
    }
  }
}

export function createRenewer(deps: RenewerDeps): Renewer {
  return new LeaseRenewer(deps);
}
