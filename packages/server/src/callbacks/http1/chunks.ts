/** Takes the chunks of a body apart: RFC 9112, section 7.1. Pure. */
import { quoted } from '../headers.ts';

/** Longest line with a chunk's size or a trailer, and most bytes of trailers. */
const MAX_LINE_BYTES = 4_096;
const MAX_TRAILER_BYTES = 65_536;
const SIZE_LINE = /^0*([0-9a-f]{1,13})[ \t]*(?:;.*)?$/i;

/** What became of some bytes of a body. */
export interface Decoded {
  /** Bytes that belong to the body, in order. */
  readonly data: readonly Buffer[];
  /** Bytes after the end of the body. Empty unless `isOver`. */
  readonly rest: Buffer;
  readonly isOver: boolean;
  /** Why the rest of the body cannot be read; null = nothing is wrong. */
  readonly fault: string | null;
}

/** Finds the chunks in a body that arrives in pieces of any size. Chunk extensions and trailers are left out. */
export class ChunkDecoder {
  /** `size` and `trailer`: a line is awaited. `data`: bytes of a chunk. `gap`: the line end after them. */
  #expects: 'size' | 'data' | 'gap' | 'trailer' = 'size';
  /** What has arrived of a line. */
  #line = '';
  #remaining = 0;
  #trailerBytes = 0;
  #isOver = false;

  add(bytes: Buffer): Decoded {
    const data: Buffer[] = [];
    let position = 0;
    while (position < bytes.length) {
      if (this.#expects === 'data') {
        const part = bytes.subarray(position, position + this.#remaining);
        data.push(part);
        position += part.length;
        this.#remaining -= part.length;
        if (this.#remaining === 0) this.#expects = 'gap';
        continue;
      }
      const end = bytes.indexOf(10, position);
      this.#line += bytes.toString('latin1', position, end < 0 ? bytes.length : end);
      position = end < 0 ? bytes.length : end + 1;
      const fault = end < 0 ? this.#longLineFault() : this.#endLine();
      if (this.#isOver || fault !== null)
        return { data, rest: bytes.subarray(position), isOver: this.#isOver, fault };
    }
    return { data, rest: bytes.subarray(position), isOver: false, fault: null };
  }

  #longLineFault(): string | null {
    return this.#line.length > MAX_LINE_BYTES
      ? `a line between its chunks is longer than ${MAX_LINE_BYTES} bytes`
      : null;
  }

  /** A line has ended. Returns what is wrong with it; null = nothing. */
  #endLine(): string | null {
    const line = this.#line.replace(/\r$/, '');
    this.#line = '';
    switch (this.#expects) {
      case 'gap':
        this.#expects = 'size';
        return line === '' ? null : `a chunk is longer than its size: ${quoted(line)} follows`;
      case 'trailer':
        this.#trailerBytes += line.length;
        this.#isOver = line === '';
        return this.#trailerBytes > MAX_TRAILER_BYTES
          ? `its trailers are over ${MAX_TRAILER_BYTES} bytes`
          : null;
      default:
        return this.#beginChunk(line);
    }
  }

  #beginChunk(line: string): string | null {
    const [, size] = SIZE_LINE.exec(line) ?? [];
    if (size === undefined) return `the size of a chunk is not valid: ${quoted(line)}`;
    this.#remaining = Number.parseInt(size, 16);
    this.#expects = this.#remaining === 0 ? 'trailer' : 'data';
    return null;
  }
}
