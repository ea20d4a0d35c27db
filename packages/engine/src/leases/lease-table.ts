import type { Lease } from '../broker/consume.ts';
import { newChunk, slotsOf, type Chunk, type Slot } from './lease-memory.ts';

/** Room for a queue's name and an ID; those that need more get a chunk of their own. */
const TEXT_BYTES = 128;
const LAST_GENERATION = 2 ** 31 - 1;

interface Tracked {
  readonly slot: Slot;
  readonly generation: number;
}

const isOver = ({ slot, generation }: Tracked, nowMs: number): boolean =>
  slot.trustedUntilMs <= nowMs || slot.isLost(generation);

/** The leases that one worker holds, as the main thread sees them. */
export class LeaseTable<L extends Lease> {
  readonly #chunkSlots: number;
  readonly #onChunk: (chunk: Chunk) => void;
  readonly #held = new Map<L, Tracked>();
  readonly #free: Slot[] = [];
  /** Of other sizes. */
  readonly #large: Slot[] = [];
  readonly #queues = new Map<string, Uint8Array>();
  #generation = 0;

  /** @param onChunk told of each part before it is used */
  constructor(chunkSlots: number, onChunk: (chunk: Chunk) => void) {
    this.#chunkSlots = chunkSlots;
    this.#onChunk = onChunk;
  }

  get size(): number {
    return this.#held.size;
  }

  /** Of an attempt that has not begun yet. */
  track(lease: L, trustedUntilMs: number): void {
    const queue = this.#queueBytes(lease.queue);
    const slot = this.#slotFor(queue.length, lease.id);
    this.#generation = this.#generation === LAST_GENERATION ? 1 : this.#generation + 1;
    const generation = this.#generation;
    slot.fill(lease, queue, { generation, trustedUntilMs });
    this.#held.set(lease, { slot, generation });
  }

  /** The attempt begins, and has to end by then. Returns false where the lease must not be trusted any more. */
  begin(lease: L, deadlineMs: number, nowMs: number): boolean {
    const held = this.#held.get(lease);
    if (!held || isOver(held, nowMs)) return false;
    held.slot.endBy(deadlineMs);
    return true;
  }

  /** Whether it was there. */
  release(lease: L): boolean {
    const held = this.#held.get(lease);
    if (!held) return false;
    this.#held.delete(lease);
    held.slot.free();
    (held.slot.chunk.textBytes === TEXT_BYTES ? this.#free : this.#large).push(held.slot);
    return true;
  }

  leases(): IterableIterator<L> {
    return this.#held.keys();
  }

  /** Those that must not be trusted any more. */
  lost(nowMs: number): L[] {
    const lost: L[] = [];
    for (const [lease, held] of this.#held) if (isOver(held, nowMs)) lost.push(lease);
    return lost;
  }

  #slotFor(queueBytes: number, id: string): Slot {
    // A character has at most 3 bytes per code unit.
    if (queueBytes + 3 * id.length <= TEXT_BYTES) {
      if (this.#free.length === 0) this.#free.push(...this.#newSlots(this.#chunkSlots, TEXT_BYTES));
      return this.#free.pop() as Slot;
    }
    const bytes = queueBytes + Buffer.byteLength(id);
    if (bytes <= TEXT_BYTES && this.#free.length > 0) return this.#free.pop() as Slot;
    const fits = this.#large.findIndex(({ chunk }) => chunk.textBytes >= bytes);
    if (fits >= 0) return this.#large.splice(fits, 1)[0] as Slot;
    return this.#newSlots(1, Math.max(bytes, TEXT_BYTES + 1))[0] as Slot;
  }

  #newSlots(slots: number, textBytes: number): Slot[] {
    const chunk = newChunk(slots, textBytes);
    this.#onChunk(chunk);
    return slotsOf(chunk);
  }

  #queueBytes(queue: string): Uint8Array {
    let bytes = this.#queues.get(queue);
    if (!bytes) {
      bytes = Buffer.from(queue);
      this.#queues.set(queue, bytes);
    }
    return bytes;
  }
}
