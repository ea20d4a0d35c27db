/** The HTTP server: timeouts, answers to what is not valid HTTP, and an orderly end. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { limits } from '@task-center/api';
import type { Clock, Runtime } from '@task-center/engine';
import { ConfigError } from '../config/config.ts';
import { PROBLEM_TYPE } from '../media-types.ts';
import { problemBody, ProblemError } from '../problem.ts';

/** A listening server. */
export interface ListeningServer {
  /** Base URL, such as `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Accepts no more connections, lets requests in progress end for `drainMs`, then closes the remaining ones. */
  close(drainMs: number): Promise<void>;
}

/** In ms. Slow senders are cut off: all headers must arrive within 10 s, a whole request within 30 s. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 60_000 };
/** Interval at which connections that became idle are closed while draining. */
const POLL_MS = 50;

/** The problem for what Node's HTTP parser refused, by its error code. */
function parserProblem(code: string | undefined): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('too-large', `The headers have more than ${limits.headerBytes} bytes.`, {
        extra: { limit: limits.headerBytes },
      });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('malformed', 'The request did not arrive in time.');
    default:
      return new ProblemError('malformed', 'This is not a valid HTTP request.');
  }
}

/** Answers on the bare socket: for what cannot be parsed Node creates no request or response. */
function answerRaw(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problemBody(parserProblem(error.code)));
  const { status } = JSON.parse(body) as { status: number };
  const lines = [
    `HTTP/1.1 ${status} ${status === 413 ? 'Content Too Large' : 'Bad Request'}`,
    `content-type: ${PROBLEM_TYPE}`,
    'cache-control: no-store',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** Says in words why the server cannot listen. */
function listenFault(
  error: NodeJS.ErrnoException,
  { host, port }: { host: string; port: number },
): ConfigError {
  const options = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new ConfigError(
        `The port ${port} on ${host} is in use. Stop what uses it, or set http.port (TASKCENTER_HTTP_PORT).`,
        [],
        options,
      );
    case 'EACCES':
      return new ConfigError(
        `The port ${port} may not be used by this user. Set http.port to 1024 or more.`,
        [],
        options,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ConfigError(
        `This machine has no address ${host}. Set http.host (TASKCENTER_HTTP_HOST).`,
        [],
        options,
      );
    default:
      return new ConfigError(
        `HTTP cannot listen on ${host}:${port} (${error.code ?? error.message}).`,
        [],
        options,
      );
  }
}

/** A URL that works on this machine. */
function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Answers a request that Hono's adapter cannot convert, such as one with an invalid Host. */
function errorHandler(): Response {
  const body = problemBody(parserProblem(undefined));
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store' },
  });
}

/** Closes the server when its requests have ended, or after `drainMs`. */
async function drain(server: Server, clock: Clock, drainMs: number): Promise<void> {
  let closed = false;
  const done = new Promise<void>((resolve) => {
    server.close(() => {
      closed = true;
      resolve();
    });
  });
  const deadlineMs = clock.monotonicMs() + drainMs;
  while (!closed && clock.monotonicMs() < deadlineMs) {
    server.closeIdleConnections();
    await Promise.race([done, clock.sleep(POLL_MS)]);
  }
  server.closeAllConnections();
  await done;
}

/**
 * Serves `fetch` over HTTP. Resolves when the port is open.
 *
 * @throws ConfigError the port or address cannot be used.
 */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  address: { readonly host: string; readonly port: number },
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Promise<ListeningServer> {
  const options = { ...TIMEOUTS, maxHeaderSize: limits.headerBytes, connectionsCheckingInterval: 2_000 };
  // HTTP/1.0 needs no Host, and health checks of some load balancers send none: `hostname` replaces it.
  const listener = getRequestListener(fetch, {
    overrideGlobalObjects: false,
    errorHandler,
    hostname: 'localhost',
  });
  const server = createServer(
    options,
    (incoming: IncomingMessage, outgoing) => void listener(incoming, outgoing),
  );
  server.on('clientError', answerRaw);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenFault(error, address)));
    server.listen(address.port, address.host, resolve);
  });
  server.on('error', (err) => log.error({ err }, 'HTTP cannot accept a connection'));
  return { url: urlOf(address.host, server), close: (drainMs) => drain(server, clock, drainMs) };
}
