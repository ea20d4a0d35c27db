import type { Lease } from '../broker/consume.ts';
import type { LeaseMemory } from '../broker/lease-renewal.ts';

/**
 * Leases in memory that two threads share: the main thread writes what it holds, whoever renews reads it and writes
 * until when it may be trusted. No message is needed, so that a main thread that hangs changes nothing.
 *
 * Times are ms of the main thread's monotonic clock. A Float64 is written in one piece on every machine that Node runs on.
 */

/** Signs of life, one per worker. */
export interface ControlBlock {
  readonly memory: SharedArrayBuffer;
  readonly times: Float64Array;
  readonly words: Int32Array;
}

/** In `times`: when the main thread, and who renews, was alive last. */
export const MAIN_ALIVE_MS = 0;
export const RENEWER_ALIVE_MS = 1;
/** In `words`: what the renewer thinks of the main thread. */
export const HEALTH = 4;

/** `degraded`: it hangs; `released`: it hung for too long, its leases were given up. */
export const HEALTHY = 0;
export const DEGRADED = 1;
export const RELEASED = 2;

const HEAD_BYTES = 24;

export function controlBlockOf(memory = new SharedArrayBuffer(HEAD_BYTES)): ControlBlock {
  return { memory, times: new Float64Array(memory), words: new Int32Array(memory) };
}

/** A part of the table: slots of one size, each for one lease. */
export interface Chunk extends LeaseMemory {
  readonly slots: number;
  readonly words: Int32Array;
  readonly times: Float64Array;
  readonly bytes: Buffer;
}

/** Words of a slot. Its generation is 0 while it is free, and another one for each lease. */
const GENERATION = 0;
const TOKEN = 1;
const QUEUE_BYTES = 2;
const ID_BYTES = 3;
/** The generation whose lease is known to be lost. */
const LOST = 4;
/** Times of a slot, behind its words. */
const TRUSTED_UNTIL = 3;
const DEADLINE = 4;
const FIXED_BYTES = 40;

const slotBytes = (textBytes: number): number => FIXED_BYTES + Math.ceil(textBytes / 8) * 8;

/** Its texts have room for a queue's name and an ID together. */
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

interface Terms {
  readonly generation: number;
  readonly trustedUntilMs: number;
}

/** Returns the bytes written. Most texts are short and ASCII: a call into Node would take longer than the loop. */
function writeText(bytes: Buffer, at: number, text: string): number {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code > 127) return bytes.write(text, at);
    bytes[at + i] = code;
  }
  return text.length;
}

/** One slot of a chunk. */
export class Slot {
  readonly chunk: Chunk;
  /** Whose name this thread wrote into it last. */
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

  /** 0 = free. */
  get generation(): number {
    return Atomics.load(this.chunk.words, this.#word + GENERATION);
  }

  get trustedUntilMs(): number {
    return this.chunk.times[this.#time + TRUSTED_UNTIL] ?? 0;
  }

  /** When its attempt has to end. */
  get deadlineMs(): number {
    return this.chunk.times[this.#time + DEADLINE] ?? Infinity;
  }

  get token(): number {
    return this.chunk.words[this.#word + TOKEN] ?? 0;
  }

  isLost(generation: number): boolean {
    return Atomics.load(this.chunk.words, this.#word + LOST) === generation;
  }

  /** Says so; whoever holds the slot's next lease is not meant. */
  lose(generation: number): void {
    Atomics.store(this.chunk.words, this.#word + LOST, generation);
  }

  endBy(deadlineMs: number): void {
    this.chunk.times[this.#time + DEADLINE] = deadlineMs;
  }

  trust(untilMs: number): void {
    this.chunk.times[this.#time + TRUSTED_UNTIL] = untilMs;
  }

  /** Writes a lease into the free slot, of an attempt that has not begun; whoever reads meanwhile sees by the generation that it changed. */
  fill({ id, token }: Lease, queue: Uint8Array, { generation, trustedUntilMs }: Terms): void {
    const { words, times, bytes } = this.chunk;
    const text = this.#byte + FIXED_BYTES;
    if (this.#queue !== queue) {
      this.#queue = queue;
      bytes.set(queue, text);
      words[this.#word + QUEUE_BYTES] = queue.length;
    }
    words[this.#word + ID_BYTES] = writeText(bytes, text + queue.length, id);
    words[this.#word + TOKEN] = token;
    times[this.#time + TRUSTED_UNTIL] = trustedUntilMs;
    times[this.#time + DEADLINE] = Infinity;
    Atomics.store(words, this.#word + GENERATION, generation);
  }

  free(): void {
    Atomics.store(this.chunk.words, this.#word + GENERATION, 0);
  }

  queue(): string {
    const text = this.#byte + FIXED_BYTES;
    return this.chunk.bytes.toString('utf8', text, text + this.#length(QUEUE_BYTES));
  }

  id(): string {
    const text = this.#byte + FIXED_BYTES + this.#length(QUEUE_BYTES);
    return this.chunk.bytes.toString('utf8', text, text + this.#length(ID_BYTES));
  }

  #length(word: number): number {
    return this.chunk.words[this.#word + word] ?? 0;
  }
}

export function slotsOf(chunk: Chunk): Slot[] {
  return Array.from({ length: chunk.slots }, (_, index) => new Slot(chunk, index));
}
