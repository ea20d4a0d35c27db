/** Headers that the application and the checks before it read and send alike. */
import { randomUUID } from 'node:crypto';

const REQUEST_ID = /^[A-Za-z0-9_.:-]{1,64}$/;

/** The caller's request ID if it is valid, else a new one. */
export const requestIdOf = (given: string | undefined): string =>
  given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();

/** The headers of every answer, by name in lower case. */
export const usualHeaders = (requestId: string, version: string): Record<string, string> => ({
  'x-request-id': requestId,
  'task-center-version': version,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
});

/** The values of the two headers that frame a body; null or undefined = it was not sent. */
interface Framing {
  readonly length: string | null | undefined;
  readonly coding: string | null | undefined;
}

/**
 * Whether a request has a body: a length above 0, or chunks. The method says nothing: `curl -X POST` without data sends neither
 * header.
 */
export const hasBody = ({ length, coding }: Framing): boolean =>
  (coding ?? null) !== null || Number(length ?? 0) > 0;

/** The framing of a request of the framework. */
export const declaredFraming = (headers: Headers): Framing => ({
  length: headers.get('content-length'),
  coding: headers.get('transfer-encoding'),
});
