// Keeps the end of the process out of the calls of the SQLite driver. Used on both sides, by shared memory.
//
// A process that exits stops its threads wherever they are. Within a call of a native driver that aborts the process, and
// between the steps of a checkpoint it leaves a file that seems to lack its log. So the writer thread says when it is inside
// calls that belong together, and begins no others once the gate is closed.
import { systemClock } from '../../runtime/clock.ts';

/** Bits of the shared word. */
const INSIDE = 1;
const CLOSED = 2;

const newGateMemory = (): SharedArrayBuffer => new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);

/** The gate as the thread passes it that calls the driver. */
export class CallGate {
  readonly #word: Int32Array;
  #depth = 0;

  /** @param memory what is shared with the thread that closes the gate; default: nobody closes it */
  constructor(memory: SharedArrayBuffer = newGateMemory()) {
    this.#word = new Int32Array(memory);
  }

  /** Makes calls that belong together. Where the gate is closed before or meanwhile, this does not return. */
  run<T>(calls: () => T): T {
    if (this.#depth === 0 && Atomics.or(this.#word, 0, INSIDE) & CLOSED) this.#stop();
    this.#depth += 1;
    try {
      return calls();
    } finally {
      this.#depth -= 1;
      if (this.#depth === 0 && Atomics.and(this.#word, 0, ~INSIDE) & CLOSED) this.#stop();
    }
  }

  /** Stands still until the thread is terminated. */
  #stop(): never {
    Atomics.and(this.#word, 0, ~INSIDE);
    Atomics.notify(this.#word, 0);
    for (;;) Atomics.wait(this.#word, 0, CLOSED);
  }
}

/** The gate as the main thread closes it. */
export class GateKeeper {
  readonly memory = newGateMemory();
  readonly #word = new Int32Array(this.memory);

  /** Whether the thread is inside calls: it must not be terminated now. */
  get isInside(): boolean {
    return (Atomics.load(this.#word, 0) & INSIDE) !== 0;
  }

  /** For good: the thread stands still before its next calls. */
  close(): void {
    Atomics.or(this.#word, 0, CLOSED);
  }

  /** Blocks until the thread is outside, or the time of the monotonic clock is over. */
  waitUntilOutside(endMs: number): void {
    while (this.isInside) {
      const restMs = endMs - systemClock.monotonicMs();
      if (restMs <= 0) return;
      Atomics.wait(this.#word, 0, INSIDE | CLOSED, restMs);
    }
  }
}
