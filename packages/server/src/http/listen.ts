import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { limits } from '@task-center/api';
import type { Clock, Runtime } from '@task-center/engine';
import { ConfigError } from '../config/config.ts';
import { problemBody, ProblemError } from '../problem.ts';

/** A listening server. */
export interface Listening {
  /** Such as `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Takes no more connections, lets requests under way end, then cuts what is left. */
  close(): Promise<void>;
}

/** Slow senders are cut: all headers within 10 s, a whole request within 30 s. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 60_000 };
const DRAIN_MS = 10_000;
const LOOK_MS = 50;

/** What is wrong with a request that never became one; Node's parser found it. */
function parserProblem(code: string | undefined): ProblemError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ProblemError('too-large', `The headers have more than ${limits.headerBytes} bytes.`, {
        extra: { limit: limits.headerBytes },
      });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ProblemError('malformed', 'The request did not arrive in time.');
    default:
      return new ProblemError('malformed', 'This is no HTTP request that can be read.');
  }
}

function answerRaw(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problemBody(parserProblem(error.code)));
  const { status } = JSON.parse(body) as { status: number };
  const head = [
    `HTTP/1.1 ${status} ${status === 413 ? 'Content Too Large' : 'Bad Request'}`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    'connection: close',
    `content-length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}

function listenFault(
  error: NodeJS.ErrnoException,
  { host, port }: { host: string; port: number },
): ConfigError {
  const place = `${host}:${port}`;
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
      return new ConfigError(`HTTP cannot listen on ${place} (${error.code ?? error.message}).`, [], options);
  }
}

function urlOf(host: string, server: Server): string {
  const { port } = server.address() as AddressInfo;
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** A request that has no URL that can be read, such as one with a broken Host. */
function errorHandler(): Response {
  const body = problemBody(parserProblem(undefined));
  return new Response(JSON.stringify(body), {
    status: body.status,
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
  });
}

async function drain(server: Server, clock: Clock): Promise<void> {
  let closed = false;
  const done = new Promise<void>((resolve) => {
    server.close(() => {
      closed = true;
      resolve();
    });
  });
  const untilMs = clock.monotonicMs() + DRAIN_MS;
  while (!closed && clock.monotonicMs() < untilMs) {
    server.closeIdleConnections();
    await Promise.race([done, clock.sleep(LOOK_MS)]);
  }
  server.closeAllConnections();
  await done;
}

/**
 * Serves `fetch` over HTTP.
 *
 * @throws ConfigError the port or address cannot be used.
 */
export async function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  at: { readonly host: string; readonly port: number },
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Promise<Listening> {
  const options = { ...TIMEOUTS, maxHeaderSize: limits.headerBytes, connectionsCheckingInterval: 2_000 };
  // `hostname` stands in where HTTP/1.0 names none, as the health checks of some load balancers do.
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
    server.once('error', (error) => reject(listenFault(error, at)));
    server.listen(at.port, at.host, resolve);
  });
  server.on('error', (err) => log.error({ err }, 'HTTP cannot take a connection'));
  return { url: urlOf(at.host, server), close: () => drain(server, clock) };
}
