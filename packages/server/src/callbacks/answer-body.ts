/** What is read of an answer at most; the rest is cut (api 5). */
const MAX_READ_BYTES = 1_048_576;
/** What may become the task's result. */
export const MAX_RESULT_BYTES = 262_144;
/** What an attempt shows of an answer. */
export const MAX_SHOWN_LENGTH = 8_192;

/** An answer's body, held in bounded memory. */
export interface AnswerBody {
  /** False = enough was read, the rest is to be cut. */
  add(chunk: Uint8Array): boolean;
  read(): ReadBody;
}

export interface ReadBody {
  /** The whole body where it is at most `MAX_RESULT_BYTES`, else its first `MAX_SHOWN_LENGTH` bytes. */
  readonly bytes: Uint8Array;
  /** Bytes read. */
  readonly size: number;
}

export function createAnswerBody(): AnswerBody {
  let chunks: Uint8Array[] = [];
  let size = 0;

  /** Over the limit only what is shown is kept. */
  function shrink(): void {
    if (size > MAX_RESULT_BYTES) chunks = [Buffer.concat(chunks).subarray(0, MAX_SHOWN_LENGTH)];
  }

  return {
    add(chunk) {
      const taken = chunk.subarray(0, MAX_READ_BYTES - size);
      if (size <= MAX_RESULT_BYTES) chunks.push(taken);
      size += taken.length;
      if (chunks.length > 1) shrink();
      return taken.length === chunk.length;
    },
    read: () => ({
      bytes: Buffer.concat(chunks).subarray(0, size > MAX_RESULT_BYTES ? MAX_SHOWN_LENGTH : undefined),
      size,
    }),
  };
}
