/** Keeps the beginning of a receiver's answer in bounded memory. */
import { GrowingBuffer } from '../growing-buffer.ts';

/** Bytes read of an answer; the connection is then closed. */
export const MAX_READ_BYTES = 1_048_576;
/** Longest body that becomes the task's result, bytes. */
export const MAX_RESULT_BYTES = 262_144;
/** Part of a body that is kept with the attempt, bytes. */
export const MAX_EXCERPT_BYTES = 8_192;

/** Collects a body. */
export interface AnswerBody {
  /** Adds a chunk; false = the limit is reached, stop reading. */
  add(chunk: Uint8Array): boolean;
  /** Number of bytes read so far. */
  readonly size: number;
  read(): ReadBody;
}

export interface ReadBody {
  /** The whole body if it has at most `MAX_RESULT_BYTES`, else its first `MAX_EXCERPT_BYTES` bytes. */
  readonly bytes: Uint8Array;
  /** Number of bytes read. */
  readonly size: number;
}

/** Creates an empty body. */
export function createAnswerBody(): AnswerBody {
  const kept = new GrowingBuffer();
  let size = 0;

  /** A body that is too long for a result keeps only the part that is shown. */
  function keep(chunk: Uint8Array): void {
    if (size > MAX_RESULT_BYTES) return;
    kept.add(chunk.subarray(0, MAX_RESULT_BYTES - size));
    if (size + chunk.length > MAX_RESULT_BYTES) kept.cutTo(MAX_EXCERPT_BYTES);
  }

  return {
    add(chunk) {
      const accepted = chunk.subarray(0, MAX_READ_BYTES - size);
      keep(accepted);
      size += accepted.length;
      return accepted.length === chunk.length;
    },
    get size() {
      return size;
    },
    read: () => ({ bytes: kept.bytes, size }),
  };
}
