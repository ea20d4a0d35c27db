import type { Lease } from '../broker/consume.ts';
import type { LeaseRenewal, LeaseSettings } from '../broker/lease-renewal.ts';
import {
  chunkOf,
  controlBlockOf,
  MAIN_ALIVE_MS,
  RENEWER_ALIVE_MS,
  slotsOf,
  type ControlBlock,
  type Slot,
} from '../leases/lease-memory.ts';
import { trustMs } from '../leases/lease-times.ts';

/** A worker's leases, which it keeps in memory for a renewer. */
interface Owner {
  readonly settings: LeaseSettings;
  readonly controlBlock: ControlBlock;
  readonly slots: Slot[];
}

export interface LiveLeasesDeps {
  /** Renews leases at once. Per lease: false = the task no longer has this token. */
  extend(leases: readonly Lease[], lengthMs: number): readonly boolean[];
  /** The test's time, monotonic ms. */
  nowMs(): number;
}

const isHeld = (slot: Slot): boolean => slot.generation !== 0 && !slot.isLost(slot.generation);

/**
 * Renews the leases of workers whenever the time of a test moves, however far: the workers were alive all the time. For them it
 * is as if a renewer thread had run.
 */
export class LiveLeases implements LeaseRenewal {
  readonly #deps: LiveLeasesDeps;
  readonly #owners = new Set<Owner>();

  constructor(deps: LiveLeasesDeps) {
    this.#deps = deps;
  }

  renew(settings: LeaseSettings, controlBlock: SharedArrayBuffer) {
    const owner: Owner = { settings, controlBlock: controlBlockOf(controlBlock), slots: [] };
    this.#owners.add(owner);
    this.#showLife(owner);
    return {
      add: (memory: Parameters<typeof chunkOf>[0]) => void owner.slots.push(...slotsOf(chunkOf(memory))),
      replace: () => {},
      end: () => void this.#owners.delete(owner),
    };
  }

  /** Number of leases. */
  get count(): number {
    let count = 0;
    for (const { slots } of this.#owners) count += slots.filter(isHeld).length;
    return count;
  }

  /** To be called when time has moved, before anything else happens. Returns whether a worker has lost a lease. */
  renewAll(): boolean {
    let hasLost = false;
    for (const owner of this.#owners) {
      this.#showLife(owner);
      hasLost = this.#renewOf(owner) || hasLost;
    }
    return hasLost;
  }

  #renewOf({ settings: { leaseMs }, slots }: Owner): boolean {
    const held = slots.filter(isHeld);
    if (held.length === 0) return false;
    const leases = held.map((slot) => ({ queue: slot.readQueue(), id: slot.readId(), token: slot.token }));
    const renewed = this.#deps.extend(leases, leaseMs);
    held.forEach((slot, i) => {
      if (renewed[i]) slot.trustUntil(this.#deps.nowMs() + trustMs(leaseMs));
      else slot.markLost(slot.generation);
    });
    return renewed.includes(false);
  }

  #showLife({ controlBlock: { times } }: Owner): void {
    times[MAIN_ALIVE_MS] = times[RENEWER_ALIVE_MS] = this.#deps.nowMs();
  }
}
