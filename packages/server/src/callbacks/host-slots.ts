/**
 * The slots of the callback worker, by host. A host that hangs may fill all slots. Therefore 16 more are reserved for hosts that
 * have none of the others. To reach the callbacks to such hosts in the queues, those to full hosts are deferred (ADR 27).
 */
import type { Admission, Clock, LeasedTask, OwnFault, Postponement } from '@task-center/engine';
import { callbackOf } from './callback.ts';
import { OwnLimit } from './own-limit.ts';

/** Reserved slots: for hosts that have none of the others. */
const RESERVED = 16;

/** Time between two checks of full slots. */
const LOOK_AGAIN_MS = 200;
/** Callbacks to a full host come back at this rate at most. While the full slots end more than this, nothing is deferred. */
const RETURNS_PER_SECOND = 200;
const MIN_ENDS = (RETURNS_PER_SECOND * LOOK_AGAIN_MS) / 1_000;
/** Times of return are rounded up to this grid: tasks that come back together share a call. */
const RETURN_GRID_MS = 50;
const MIN_PAUSE_MS = 200;
/** Callbacks deferred in a second, and tasks that one look takes at most. */
const DEFERRALS_PER_SECOND = 5_000;
const MAX_LOOK = 128;
/** Hosts whose names are longer are shown by their beginning. */
const MAX_SHOWN = 120;

interface Place {
  readonly host: string;
  readonly isReserved: boolean;
}

interface HostUse {
  /** Callbacks under way, in the slots and in the reserved ones. */
  taken: number;
  reserved: number;
  /** When the last of its deferred callbacks comes back, monotonic. */
  lastReturnMs: number;
}

/** Scheme, host and port of a task's callback; '' = it has none, or none that can be used. */
function originOf({ meta }: Pick<LeasedTask, 'meta'>): string {
  const url = callbackOf(meta)?.url;
  return url !== undefined && URL.canParse(url) ? new URL(url).origin : '';
}

export interface HostSlotsDeps {
  /** Callbacks at once, without the reserved ones. */
  readonly concurrency: number;
  readonly clock: Pick<Clock, 'monotonicMs' | 'after'>;
}

export class HostSlots implements Admission {
  readonly #deps: HostSlotsDeps;
  readonly #limit: OwnLimit;
  readonly #hosts = new Map<string, HostUse>();
  readonly #places = new Map<LeasedTask, Place>();
  #fetch = () => {};
  #taken = 0;
  #reserved = 0;
  /** Attempts that ended since the last check of the full slots. */
  #ends = 0;
  #window: ReturnType<Clock['after']> | undefined;
  /** Whether callbacks to full hosts are deferred now. It lasts until all pending ones were looked at. */
  #isLooking = false;
  /** Tasks that the next look takes. */
  #look = RESERVED;
  /** Deferrals that are free now, and when they were counted. */
  #allowance = MAX_LOOK;
  #countedMs = 0;
  #refill: ReturnType<Clock['after']> | undefined;

  constructor(deps: HostSlotsDeps) {
    this.#deps = deps;
    this.#limit = new OwnLimit(deps, () => this.#fetch());
  }

  attach(fetch: () => void): void {
    this.#fetch = fetch;
  }

  stop(): void {
    this.#window?.cancel();
    this.#refill?.cancel();
    this.#limit.stop();
  }

  /** Our own system refused a connection because something has run out. */
  onLack(fault: OwnFault): void {
    this.#limit.onLack(fault, this.#taken + this.#reserved);
  }

  /** A connection was made. */
  onSent(): void {
    this.#limit.onSent();
  }

  room(): number {
    const free = this.#limit.current - this.#taken;
    if (free > 0) return free;
    this.#watch();
    if (!this.#isLooking || this.#freeReserved <= 0) return 0;
    const allowed = this.#allowed();
    if (allowed < 1) this.#refillSoon();
    return Math.min(this.#look, allowed);
  }

  onFetched(hasFound: boolean): void {
    if (!hasFound) this.#isLooking = false;
  }

  judge(task: LeasedTask): Postponement | undefined {
    const host = originOf(task);
    const use = this.#hosts.get(host);
    if (this.#taken < this.#limit.current || this.#mayReserve(use)) {
      this.#look = RESERVED;
      return undefined;
    }
    this.#look = Math.min(MAX_LOOK, 2 * this.#look);
    this.#allowance -= 1;
    return this.#postpone(host);
  }

  onStarted(task: LeasedTask): void {
    const host = originOf(task);
    const use = this.#useOf(host);
    const isReserved = this.#taken >= this.#limit.current && this.#mayReserve(use);
    this.#places.set(task, { host, isReserved });
    if (isReserved) {
      use.reserved += 1;
      this.#reserved += 1;
    } else {
      use.taken += 1;
      this.#taken += 1;
    }
  }

  onEnded(task: LeasedTask): void {
    const place = this.#places.get(task);
    if (!place) return;
    this.#places.delete(task);
    this.#ends += 1;
    const use = this.#useOf(place.host);
    if (place.isReserved) {
      use.reserved -= 1;
      this.#reserved -= 1;
    } else {
      use.taken -= 1;
      this.#taken -= 1;
    }
    if (use.taken + use.reserved === 0 && use.lastReturnMs <= this.#nowMs) this.#hosts.delete(place.host);
  }

  get #nowMs(): number {
    return this.#deps.clock.monotonicMs();
  }

  get #freeReserved(): number {
    return this.#limit.shareOf(RESERVED) - this.#reserved;
  }

  #useOf(host: string): HostUse {
    let use = this.#hosts.get(host);
    if (!use) this.#hosts.set(host, (use = { taken: 0, reserved: 0, lastReturnMs: -Infinity }));
    return use;
  }

  /** A host gets a reserved slot only while more of them are free than it has: some are left for the next host. */
  #mayReserve(use: HostUse | undefined): boolean {
    return (use?.taken ?? 0) === 0 && (use?.reserved ?? 0) < this.#freeReserved;
  }

  /** Callbacks to a full host come back one after the other, which bounds their rate. */
  #postpone(host: string): Postponement {
    const use = this.#useOf(host);
    const nowMs = this.#nowMs;
    use.lastReturnMs = Math.max(nowMs + MIN_PAUSE_MS, use.lastReturnMs + 1_000 / RETURNS_PER_SECOND);
    const delay = Math.ceil((use.lastReturnMs - nowMs) / RETURN_GRID_MS) * RETURN_GRID_MS;
    const shown = host.slice(0, MAX_SHOWN);
    return {
      delay,
      reason: `waits for its host: ${use.taken + use.reserved} callbacks to ${shown} are under way`,
    };
  }

  /** Checks full slots again and again. While hardly any attempt ends, all pending callbacks are looked through after each check. */
  #watch(): void {
    if (this.#window) return;
    this.#ends = 0;
    this.#window = this.#deps.clock.after(LOOK_AGAIN_MS, () => {
      this.#window = undefined;
      const isFull = this.#taken >= this.#limit.current;
      this.#isLooking = isFull && this.#ends < MIN_ENDS;
      this.#forget();
      if (!isFull) return;
      this.#watch();
      if (this.#isLooking) this.#fetch();
    });
  }

  /** Forgets hosts without slots and without deferred callbacks. */
  #forget(): void {
    const nowMs = this.#nowMs;
    for (const [host, { taken, reserved, lastReturnMs }] of this.#hosts)
      if (taken + reserved === 0 && lastReturnMs <= nowMs) this.#hosts.delete(host);
  }

  /** Deferrals that are allowed now. */
  #allowed(): number {
    const nowMs = this.#nowMs;
    const earned = ((nowMs - this.#countedMs) * DEFERRALS_PER_SECOND) / 1_000;
    this.#allowance = Math.min(MAX_LOOK, this.#allowance + earned);
    this.#countedMs = nowMs;
    return Math.floor(this.#allowance);
  }

  #refillSoon(): void {
    this.#refill ??= this.#deps.clock.after((1_000 * MAX_LOOK) / DEFERRALS_PER_SECOND, () => {
      this.#refill = undefined;
      this.#fetch();
    });
  }
}
