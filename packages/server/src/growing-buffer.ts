const EMPTY = Buffer.alloc(0);
const MIN_CAPACITY = 512;

/**
 * Bytes that arrive in pieces of any size, in one buffer: a sender can cut them into pieces of one byte, and each would take a
 * hundred. A single piece is not copied.
 */
export class GrowingBuffer {
  #buffer: Buffer = EMPTY;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** All bytes so far. Valid until the next change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  add(piece: Uint8Array): void {
    if (this.#length === 0) {
      this.#buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
      this.#length = piece.length;
      return;
    }
    const length = this.#length + piece.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(MIN_CAPACITY, 2 * this.#length, length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    this.#buffer.set(piece, this.#length);
    this.#length = length;
  }

  /** Keeps the first `length` bytes, and gives the memory of the others back. */
  cutTo(length: number): void {
    this.#buffer = Buffer.from(this.#buffer.subarray(0, Math.min(length, this.#length)));
    this.#length = this.#buffer.length;
  }
}
