/** Reads a request's body within its size limit and parses it. */
import { declaredFraming, hasBody } from './headers.ts';
import { parseBody } from './json-body.ts';
import { JsonFault } from './json-scanner.ts';
import { readBodyBytes, type BodySource } from './memory/body-bytes.ts';
import type { Room } from './memory/budget.ts';
import { isBodyType } from '../media-types.ts';
import { ProblemError } from '../problem.ts';

function tooLarge(limit: number, got: number): ProblemError {
  return new ProblemError('too-large', `The body has more than ${limit} bytes.`, {
    extra: { limit, got },
  });
}

function checkMedia(headers: Headers): void {
  const encoding = headers.get('content-encoding');
  if (encoding !== null && encoding.toLowerCase() !== 'identity')
    throw new ProblemError(
      'unsupported-media',
      'Content-Encoding is not supported; send the body uncompressed.',
    );
  if (isBodyType(headers.get('content-type') ?? '')) return;
  throw new ProblemError('unsupported-media', 'The Content-Type must be application/json, in UTF-8.');
}

/** Any failure while reading is the sender's: the connection was closed, or the body came too slowly. */
async function readBytes(source: BodySource, limit: number, room: Room): Promise<Buffer> {
  const declared = Number(source.request.headers.get('content-length') ?? 0);
  if (declared > limit) throw tooLarge(limit, declared);
  try {
    return await readBodyBytes(source, room, (size) => {
      if (size > limit) throw tooLarge(limit, size);
    });
  } catch (error) {
    if (error instanceof ProblemError) throw error;
    throw new ProblemError('malformed', 'The body ended before it was complete.');
  }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseBody(bytes);
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    const detail = `The body cannot be read: ${error.message} (byte ${error.offset}).`;
    throw new ProblemError('malformed', detail, { extra: { offset: error.offset } });
  }
}

/**
 * The parsed body; undefined = it is empty and `optional` is true.
 *
 * @param room takes up the bytes; the caller releases it
 * @throws ProblemError `unsupported-media`, `too-large`, `malformed`, `overloaded`
 */
export async function readBody(
  source: BodySource,
  { limit, optional, room }: { readonly limit: number; readonly optional: boolean; readonly room: Room },
): Promise<unknown> {
  const { headers } = source.request;
  if (!hasBody(declaredFraming(headers))) {
    if (optional) return undefined;
    throw new ProblemError('malformed', 'The request has no body, and this operation needs one.');
  }
  // There may be no chunks: then nothing has a type that could be missing.
  const isTypeDue = optional && !headers.has('content-type');
  if (!isTypeDue) checkMedia(headers);
  const bytes = await readBytes(source, limit, room);
  if (optional && bytes.length === 0) return undefined;
  if (isTypeDue) checkMedia(headers);
  return parseJson(bytes);
}
