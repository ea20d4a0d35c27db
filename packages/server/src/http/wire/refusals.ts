/** Answers to what never becomes a request of the application: invalid HTTP, and heads with a fault. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { limits } from '@task-center/api';
import type { Clock, Log } from '@task-center/engine';
import { PROBLEM_TYPE } from '../../media-types.ts';
import { DEFECT, problemBody, ProblemError } from '../../problem.ts';
import { requestIdOf, usualHeaders } from '../headers.ts';

export interface RefusalDeps {
  /** Of the program; it is sent with every answer. */
  readonly version: string;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly log: Log;
}

/** A refusal in parts. The connection ends after it: where the next request would begin is not certain. */
interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

function refusalOf(problem: ProblemError, requestId: string, { version }: RefusalDeps): Refusal {
  const content = problemBody(problem, { requestId });
  const body = JSON.stringify(content);
  const headers = {
    ...usualHeaders(requestId, version),
    'content-type': PROBLEM_TYPE,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  };
  return { status: content.status, headers, body };
}

/** The problem for what Node's HTTP parser refused, by its error code. */
function parserProblem(code: string | undefined): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('too-large', `The headers have more than ${limits.headerBytes} bytes.`, {
        extra: { limit: limits.headerBytes },
      });
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new ProblemError('too-large', 'The chunk extensions of the body are too long.');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError(
        'malformed',
        'The request did not arrive in time. Its headers may take 10 s, all of it 30 s.',
      );
    default:
      return new ProblemError('malformed', 'This is not a valid HTTP/1.1 request.');
  }
}

/** The caller's ID, or a new one. */
function idOf(incoming: IncomingMessage | undefined): string {
  const given = incoming?.headers['x-request-id'];
  return requestIdOf(typeof given === 'string' ? given : undefined);
}

/** The application logs requests. Bytes that never became a request are logged here. */
function logRefusal(problem: ProblemError, requestId: string, { log }: RefusalDeps): void {
  log.debug(
    { request_id: requestId, code: problem.code, detail: problem.message },
    'refused bytes that are no valid request',
  );
}

/**
 * The whole answer to what Node's parser refused, as it goes over the wire: there is no response object then.
 *
 * @param code of Node's error
 * @param incoming the request in whose body the fault is
 */
export function rawRefusal(
  code: string | undefined,
  incoming: IncomingMessage | undefined,
  deps: RefusalDeps,
): string {
  const problem = parserProblem(code);
  const requestId = idOf(incoming);
  if (!incoming) logRefusal(problem, requestId, deps);
  const { status, headers, body } = refusalOf(problem, requestId, deps);
  const date = new Date(deps.clock.wallMs()).toUTCString();
  const lines = Object.entries({ ...headers, date }).map(([name, value]) => `${name}: ${value}`);
  const reason = status === 413 ? 'Content Too Large' : 'Bad Request';
  return `HTTP/1.1 ${status} ${reason}\r\n${lines.join('\r\n')}\r\n\r\n${body}`;
}

/** Answers a request whose head has a fault, given as a sentence. */
export function refuse(
  { incoming, outgoing }: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse },
  fault: string,
  deps: RefusalDeps,
): void {
  const problem = new ProblemError('malformed', fault);
  const requestId = idOf(incoming);
  logRefusal(problem, requestId, deps);
  const { status, headers, body } = refusalOf(problem, requestId, deps);
  outgoing.writeHead(status, headers).end(body);
}

/** The answer to an error of the application that it did not answer itself. */
export function defectAnswer(error: unknown, deps: RefusalDeps): Response {
  const requestId = requestIdOf(undefined);
  deps.log.error({ request_id: requestId, err: error }, 'a request failed with an internal error');
  const { status, headers, body } = refusalOf(DEFECT, requestId, deps);
  return new Response(body, { status, headers });
}
