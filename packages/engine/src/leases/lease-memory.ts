import type { Lease } from '../broker/consume.ts';
import type { LeaseMemory } from '../broker/lease-renewal.ts';

// The layout of the memory that the main thread and the renewer thread share. README.md shows who writes what.
//
// The main thread writes its leases here and the renewer writes until when each may be trusted. Neither waits for the
// other and no message is needed per lease: a blocked main thread changes nothing for its leases.
//
// All times are ms of the main thread's monotonic clock. A Float64 is written in one piece on every machine that Node
// supports, so times need no Atomics.

/** Signs of life and the health of one worker. */
export interface ControlBlock {
  readonly memory: SharedArrayBuffer;
  /** Signs of life, by `MAIN_ALIVE_MS` and `RENEWER_ALIVE_MS`. */
  readonly times: Float64Array;
  /** The health, at `HEALTH`. */
  readonly words: Int32Array;
}

/** Index in `times`: the last sign of life of the main thread. The main thread writes it. */
export const MAIN_ALIVE_MS = 0;
/** Index in `times`: the last sign of life of the renewer, 0 before the first. The renewer writes it. */
export const RENEWER_ALIVE_MS = 1;
/** Index in `words`: the health of the main thread as the renewer sees it. The renewer writes it. */
export const HEALTH = 4;

/** The main thread gives signs of life, or owes none because it holds no lease. */
export const HEALTHY = 0;
/** It hangs; its leases are still renewed. It takes no new task until it is healthy again. */
export const DEGRADED = 1;
/** It hung for `maxStallMs`; its leases were given up. */
export const RELEASED = 2;

const CONTROL_BLOCK_BYTES = 24;

export function controlBlockOf(memory = new SharedArrayBuffer(CONTROL_BLOCK_BYTES)): ControlBlock {
  return { memory, times: new Float64Array(memory), words: new Int32Array(memory) };
}

/** A part of a worker's lease table: slots of one size, each for one lease. */
export interface Chunk extends LeaseMemory {
  /** Number of slots. */
  readonly slots: number;
  readonly words: Int32Array;
  readonly times: Float64Array;
  readonly bytes: Buffer;
}

// A slot: five words, padding, two times, then the texts (queue and ID, one after the other).

/** Word: 0 while the slot is free, and a number of its own for each lease that the slot has had. */
const GENERATION = 0;
/** Word: the lease token. */
const TOKEN = 1;
/** Word: length of the queue's name in bytes. */
const QUEUE_BYTES = 2;
/** Word: length of the task ID in bytes. */
const ID_BYTES = 3;
/** Word: the generation whose lease is known to be lost. */
const LOST = 4;
/** Times, in units of 8 bytes from the start of the slot. */
const TRUSTED_UNTIL = 3;
const DEADLINE = 4;
const FIXED_BYTES = 40;

const slotBytes = (textBytes: number): number => FIXED_BYTES + Math.ceil(textBytes / 8) * 8;

/** Views on the memory of a chunk. `textBytes` is the room for a queue's name and an ID together, in each slot. */
export function chunkOf({ memory, textBytes }: LeaseMemory): Chunk {
  return {
    memory,
    textBytes,
    slots: memory.byteLength / slotBytes(textBytes),
    words: new Int32Array(memory),
    times: new Float64Array(memory),
    bytes: Buffer.from(memory),
  };
}

export function newChunk(slots: number, textBytes: number): Chunk {
  return chunkOf({ memory: new SharedArrayBuffer(slots * slotBytes(textBytes)), textBytes });
}

/** What a new lease starts with. */
interface Terms {
  readonly generation: number;
  readonly trustedUntilMs: number;
}

/** Writes a text as UTF-8. Returns the bytes written. For short ASCII texts the loop is faster than a call into Node. */
function writeUtf8(bytes: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 127) return bytes.write(text, at);
    bytes[at + i] = code;
  }
  return text.length;
}

/** One slot of a chunk, as one thread sees it. Both threads have an object of their own for the same memory. */
export class Slot {
  readonly chunk: Chunk;
  /** The queue's name that this thread wrote last: the slot's next lease mostly has the same queue. */
  #queue: Uint8Array | undefined;
  readonly #byte: number;
  readonly #word: number;
  readonly #time: number;

  constructor(chunk: Chunk, index: number) {
    this.chunk = chunk;
    this.#byte = index * slotBytes(chunk.textBytes);
    this.#word = this.#byte / 4;
    this.#time = this.#byte / 8;
  }

  /** 0 = the slot is free. */
  get generation(): number {
    return Atomics.load(this.chunk.words, this.#word + GENERATION);
  }

  get trustedUntilMs(): number {
    return this.chunk.times[this.#time + TRUSTED_UNTIL] ?? 0;
  }

  /** When the attempt must end; Infinity until it begins. */
  get deadlineMs(): number {
    return this.chunk.times[this.#time + DEADLINE] ?? Infinity;
  }

  get token(): number {
    return this.chunk.words[this.#word + TOKEN] ?? 0;
  }

  isLost(generation: number): boolean {
    return Atomics.load(this.chunk.words, this.#word + LOST) === generation;
  }

  /** Marks one lease as lost. The slot's next lease has another generation and is not affected. */
  markLost(generation: number): void {
    Atomics.store(this.chunk.words, this.#word + LOST, generation);
  }

  setDeadline(deadlineMs: number): void {
    this.chunk.times[this.#time + DEADLINE] = deadlineMs;
  }

  trustUntil(untilMs: number): void {
    this.chunk.times[this.#time + TRUSTED_UNTIL] = untilMs;
  }

  /**
   * Writes the lease of an attempt that has not begun into this free slot. The generation comes last: a reader that sees
   * it sees the whole lease.
   */
  fill({ id, token }: Lease, queue: Uint8Array, { generation, trustedUntilMs }: Terms): void {
    const { words, times, bytes } = this.chunk;
    const text = this.#byte + FIXED_BYTES;
    if (this.#queue !== queue) {
      this.#queue = queue;
      bytes.set(queue, text);
      words[this.#word + QUEUE_BYTES] = queue.length;
    }
    words[this.#word + ID_BYTES] = writeUtf8(bytes, text + queue.length, id);
    words[this.#word + TOKEN] = token;
    times[this.#time + TRUSTED_UNTIL] = trustedUntilMs;
    times[this.#time + DEADLINE] = Infinity;
    Atomics.store(words, this.#word + GENERATION, generation);
  }

  free(): void {
    Atomics.store(this.chunk.words, this.#word + GENERATION, 0);
  }

  readQueue(): string {
    const text = this.#byte + FIXED_BYTES;
    return this.chunk.bytes.toString('utf8', text, text + this.#length(QUEUE_BYTES));
  }

  readId(): string {
    const text = this.#byte + FIXED_BYTES + this.#length(QUEUE_BYTES);
    return this.chunk.bytes.toString('utf8', text, text + this.#length(ID_BYTES));
  }

  /** Length of a text in bytes. */
  #length(word: number): number {
    return this.chunk.words[this.#word + word] ?? 0;
  }
}

export function slotsOf(chunk: Chunk): Slot[] {
  return Array.from({ length: chunk.slots }, (_, index) => new Slot(chunk, index));
}
