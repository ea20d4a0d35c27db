/** Reads a request's body within its size limit and parses it. */
import { framingOf, hasBody } from './headers.ts';
import { parseBody } from './json-body.ts';
import { JsonFault } from './json-scanner.ts';
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

/** Reads a body of unknown length, and stops at the limit. */
async function readCounted(stream: ReadableStream<Uint8Array>, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks, size);
    size += value.byteLength;
    // The rest is left where it is: `Connection` throws it away while the answer goes out.
    if (size > limit) throw tooLarge(limit, size);
    chunks.push(value);
  }
}

/** The body's bytes. A declared length can be trusted: HTTP's framing never delivers more. */
async function readUpTo(request: Request, limit: number): Promise<Uint8Array> {
  const declared = request.headers.get('content-length');
  if (declared !== null) {
    if (Number(declared) > limit) throw tooLarge(limit, Number(declared));
    return new Uint8Array(await request.arrayBuffer());
  }
  return request.body === null ? new Uint8Array() : readCounted(request.body, limit);
}

/** Any failure while reading is the sender's: the connection was closed, or the body came too slowly. */
async function readBytes(request: Request, limit: number): Promise<Uint8Array> {
  try {
    return await readUpTo(request, limit);
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
 * @throws ProblemError `unsupported-media`, `too-large`, `malformed`
 */
export async function readBody(
  request: Request,
  { limit, optional }: { readonly limit: number; readonly optional: boolean },
): Promise<unknown> {
  const { headers } = request;
  if (!hasBody(framingOf(headers))) {
    if (optional) return undefined;
    throw new ProblemError('malformed', 'The request has no body, and this operation needs one.');
  }
  checkMedia(headers);
  const bytes = await readBytes(request, limit);
  return optional && bytes.length === 0 ? undefined : parseJson(bytes);
}
