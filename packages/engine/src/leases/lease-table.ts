import type { Lease } from '../broker/consume.ts';
import { UnorderedSet, type SetMember } from '../runtime/unordered-set.ts';
import { newChunk, slotsOf, type Chunk, type Slot } from './lease-memory.ts';

/** Room for a queue's name and an ID in a usual slot. Longer texts get a chunk of their own. */
const TEXT_BYTES = 128;
/** Generations are positive 32-bit integers; after the last one they start again from 1. */
const LAST_GENERATION = 2 ** 31 - 1;

/** A lease in a table. Its owner keeps what else it knows of the task in the same record. */
export interface TrackedLease extends SetMember {
  readonly task: Lease;
  /** Where it lies in shared memory; undefined = it is not in the table, or no longer. Only the table sets it. */
  slot: Slot | undefined;
  generation: number;
}

/** Whether a lease must not be trusted any more: it expired, or another worker has it. */
const isOver = (slot: Slot, generation: number, nowMs: number): boolean =>
  slot.trustedUntilMs <= nowMs || slot.isLost(generation);

/**
 * The leases that one worker holds, as its main thread sees them. They lie in shared memory, where the renewer finds
 * them.
 */
export class LeaseTable<L extends TrackedLease> {
  readonly #chunkSlots: number;
  readonly #onChunk: (chunk: Chunk) => void;
  readonly #tracked = new UnorderedSet<L>();
  /** Free slots of the usual size. */
  readonly #free: Slot[] = [];
  /** Free slots of larger sizes. */
  readonly #freeLarge: Slot[] = [];
  /** Names of queues, encoded. */
  readonly #queueNames = new Map<string, Uint8Array>();
  #generation = 0;

  /**
   * @param chunkSlots slots to add each time that the table is full
   * @param onChunk called with each new part before it is used
   */
  constructor(chunkSlots: number, onChunk: (chunk: Chunk) => void) {
    this.#chunkSlots = chunkSlots;
    this.#onChunk = onChunk;
  }

  /** Leases held now. */
  get size(): number {
    return this.#tracked.size;
  }

  /** Adds the lease of an attempt that has not begun yet. */
  track(lease: L, trustedUntilMs: number): void {
    const { task } = lease;
    const queue = this.#queueBytes(task.queue);
    const slot = this.#slotFor(queue.length, task.id);
    this.#generation = this.#generation === LAST_GENERATION ? 1 : this.#generation + 1;
    lease.slot = slot;
    lease.generation = this.#generation;
    slot.fill(task, queue, { generation: this.#generation, trustedUntilMs });
    this.#tracked.add(lease);
  }

  /**
   * The attempt begins and must end by the deadline (monotonic). Returns false, and changes nothing, if the lease must
   * not be trusted any more.
   */
  begin({ slot, generation }: L, deadlineMs: number, nowMs: number): boolean {
    if (!slot || isOver(slot, generation, nowMs)) return false;
    slot.setDeadline(deadlineMs);
    return true;
  }

  /** Frees the lease's slot. Does nothing if the table does not have the lease. */
  release(lease: L): void {
    const { slot } = lease;
    if (!slot) return;
    lease.slot = undefined;
    this.#tracked.delete(lease);
    slot.free();
    (slot.chunk.textBytes === TEXT_BYTES ? this.#free : this.#freeLarge).push(slot);
  }

  /** In the order in which they were added. */
  leases(): L[] {
    return this.#tracked.list().sort((a, b) => a.generation - b.generation);
  }

  /** Leases that must not be trusted any more. They stay in the table until they are released. */
  findLost(nowMs: number): L[] {
    const lost: L[] = [];
    for (const lease of this.#tracked.list()) {
      if (lease.slot && isOver(lease.slot, lease.generation, nowMs)) lost.push(lease);
    }
    return lost;
  }

  #slotFor(queueBytes: number, id: string): Slot {
    // UTF-8 takes at most 3 bytes per code unit.
    if (queueBytes + 3 * id.length <= TEXT_BYTES) {
      if (this.#free.length === 0) this.#free.push(...this.#newSlots(this.#chunkSlots, TEXT_BYTES));
      return this.#free.pop() as Slot;
    }
    const bytes = queueBytes + Buffer.byteLength(id);
    if (bytes <= TEXT_BYTES && this.#free.length > 0) return this.#free.pop() as Slot;
    const fits = this.#freeLarge.findIndex(({ chunk }) => chunk.textBytes >= bytes);
    if (fits >= 0) return this.#freeLarge.splice(fits, 1)[0] as Slot;
    return this.#newSlots(1, Math.max(bytes, TEXT_BYTES + 1))[0] as Slot;
  }

  #newSlots(slots: number, textBytes: number): Slot[] {
    const chunk = newChunk(slots, textBytes);
    this.#onChunk(chunk);
    return slotsOf(chunk);
  }

  #queueBytes(queue: string): Uint8Array {
    let bytes = this.#queueNames.get(queue);
    if (!bytes) {
      bytes = Buffer.from(queue);
      this.#queueNames.set(queue, bytes);
    }
    return bytes;
  }
}
