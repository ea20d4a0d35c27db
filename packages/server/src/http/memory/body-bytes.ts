/** Reads the bytes of a body as they arrive. */
import type { IncomingMessage } from 'node:http';
import { GrowingBuffer } from '../../growing-buffer.ts';
import type { Room } from './budget.ts';

/** A request as the framework has it, and Node's own, which is missing where the application is called in process. */
export interface BodySource {
  readonly request: Request;
  readonly incoming?: IncomingMessage | undefined;
}

/** Gives `take` each piece. Rejects with the error that `take` throws, and when the body ends too soon. The rest of the body is not read. */
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
 * Reads a body while its budget has room for more.
 *
 * @param check is given the size so far, and throws to read no more
 * @throws ProblemError `overloaded`; any other error: the body broke off
 */
export async function readBodyBytes(
  { request, incoming }: BodySource,
  room: Room,
  check: (size: number) => void,
): Promise<Buffer> {
  const body = new GrowingBuffer();
  const take = (piece: Uint8Array) => {
    check(body.length + piece.byteLength);
    room.grow(piece.byteLength);
    body.add(piece);
  };
  if (incoming !== undefined) await readIncoming(incoming, take);
  else if (request.body !== null) await readStream(request.body, take);
  return body.bytes;
}
