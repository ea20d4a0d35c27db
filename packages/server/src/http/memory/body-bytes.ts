/** Reads the bytes of a body as they arrive. */
import type { IncomingMessage } from 'node:http';
import type { Room } from './budget.ts';

/** A request as the framework has it, and Node's own, which is missing where the application is called in process. */
export interface BodySource {
  readonly request: Request;
  readonly incoming?: IncomingMessage | undefined;
}

/**
 * Collects the pieces of a body. More than one piece is copied into one buffer: a sender can cut its body into pieces of one
 * byte, and each would take a hundred.
 */
class Collector {
  readonly #room: Room;
  #buffer: Buffer = Buffer.alloc(0);
  #size = 0;

  constructor(room: Room) {
    this.#room = room;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#size);
  }

  /** @throws ProblemError `overloaded` */
  add(piece: Uint8Array): void {
    this.#room.grow(piece.byteLength);
    const size = this.#size + piece.byteLength;
    if (this.#size === 0) this.#buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    else if (size > this.#buffer.length) this.#widen(size);
    if (this.#size > 0) this.#buffer.set(piece, this.#size);
    this.#size = size;
  }

  #widen(size: number): void {
    const wide = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#buffer.length));
    wide.set(this.bytes);
    this.#buffer = wide;
  }
}

/** Gives `take` each piece. Rejects with what it throws, and when the body ends too soon. What is left stays where it is. */
function readIncoming(incoming: IncomingMessage, take: (piece: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void) => {
      incoming.off('data', onData).off('end', onEnd).off('error', onBreak).off('close', onBreak);
      act();
    };
    const onData = (piece: Buffer) => {
      try {
        take(piece);
      } catch (error) {
        incoming.pause();
        settle(() => reject(error));
      }
    };
    const onEnd = () => settle(resolve);
    const onBreak = () => settle(() => reject(new Error('the body broke off')));
    incoming.on('data', onData).on('end', onEnd).on('error', onBreak).on('close', onBreak);
    if (incoming.readableEnded) onEnd();
    else if (incoming.destroyed) onBreak();
  });
}

async function readStream(stream: ReadableStream<Uint8Array>, take: (piece: Uint8Array) => void) {
  const reader = stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) take(value!);
}

/**
 * The bytes of a body, as long as there is room for more.
 *
 * @param check is given the size so far, and throws to read no more
 * @throws ProblemError `overloaded`; any other error: the body broke off
 */
export async function readBodyBytes(
  { request, incoming }: BodySource,
  room: Room,
  check: (size: number) => void,
): Promise<Buffer> {
  const collector = new Collector(room);
  const take = (piece: Uint8Array) => {
    check(collector.size + piece.byteLength);
    collector.add(piece);
  };
  if (incoming !== undefined) await readIncoming(incoming, take);
  else if (request.body !== null) await readStream(request.body, take);
  return collector.bytes;
}
