/** What is read of an answer at most; the rest is cut (api 5). */
const LONGEST_READ = 1_048_576;
/** What may become the task's result. */
export const LONGEST_RESULT = 262_144;
/** What an attempt shows of an answer. */
export const LONGEST_SHOWN = 8_192;

/** An answer's body, held in bounded memory. */
export interface AnswerBody {
  /** False = enough was read, the rest is to be cut. */
  add(chunk: Uint8Array): boolean;
  read(): ReadBody;
}

export interface ReadBody {
  /** The whole body where it is at most `LONGEST_RESULT`, else its first `LONGEST_SHOWN` bytes. */
  readonly bytes: Uint8Array;
  /** Bytes read. */
  readonly size: number;
}

export function createAnswerBody(): AnswerBody {
  let chunks: Uint8Array[] = [];
  let size = 0;

  /** Over the limit only what is shown is kept. */
  function shrink(): void {
    if (size > LONGEST_RESULT) chunks = [Buffer.concat(chunks).subarray(0, LONGEST_SHOWN)];
  }

  return {
    add(chunk) {
      const taken = chunk.subarray(0, LONGEST_READ - size);
      if (size <= LONGEST_RESULT) chunks.push(taken);
      size += taken.length;
      if (chunks.length > 1) shrink();
      return taken.length === chunk.length;
    },
    read: () => ({
      bytes: Buffer.concat(chunks).subarray(0, size > LONGEST_RESULT ? LONGEST_SHOWN : undefined),
      size,
    }),
  };
}
