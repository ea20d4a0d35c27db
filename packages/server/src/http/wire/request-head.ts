/** Checks of a request's head that Node's parser leaves out, or answers in its own way. */
import type { IncomingMessage } from 'node:http';
import { hasBody } from '../headers.ts';

/** How often a header is there. Node's `headers` keeps only the first of some. */
function countHeader(rawHeaders: readonly string[], name: string): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const given = rawHeaders[i] as string;
    if (given.length === name.length && given.toLowerCase() === name) count += 1;
  }
  return count;
}

/** What is wrong with the head of a request, as a sentence; null = nothing. */
export function headFault(incoming: IncomingMessage): string | null {
  const { headers, httpVersion, httpVersionMajor, rawHeaders } = incoming;
  if (httpVersionMajor !== 1) return `HTTP/${httpVersion} is not spoken here; send HTTP/1.1.`;
  const hosts = countHeader(rawHeaders, 'host');
  if (hosts > 1) return 'The request has more than one Host.';
  // HTTP/1.0 needs none, and health checks of some load balancers send none.
  if (hosts === 0 && httpVersion === '1.1') return 'The request has no Host, which HTTP/1.1 needs.';
  const coding = headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked')
    return 'The only Transfer-Encoding that is supported is chunked.';
  // Proxies of its time do not know chunks, and would find another end of the message.
  if (coding !== undefined && httpVersion === '1.0')
    return 'HTTP/1.0 has no Transfer-Encoding. Send a Content-Length.';
  return null;
}

/** Whether a body follows the head. */
export const isFramed = ({ headers }: IncomingMessage): boolean =>
  hasBody({ length: headers['content-length'], coding: headers['transfer-encoding'] });
