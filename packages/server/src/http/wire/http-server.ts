/** Node's HTTP server under the rules of the contract: what it refuses, how long it waits, how connections end. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { getRequestListener, RequestError } from '@hono/node-server';
import { limits } from '@task-center/api';
import type { Runtime } from '@task-center/engine';
import type { Exchange } from './connection.ts';
import { Connections } from './connections.ts';
import { defectAnswer, rawRefusal, refuse, type RefusalDeps } from './refusals.ts';
import { headFault } from './request-head.ts';

/** In ms. Slow senders are cut off: all headers must arrive within 10 s, a whole request within 30 s. */
const TIMEOUTS = { headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 60_000 };

/** Options of the server. The framework's checks and ours replace some of Node's, whose answers are not the contract's. */
const OPTIONS = {
  maxHeaderSize: limits.headerBytes,
  connectionsCheckingInterval: 500,
  requireHostHeader: false,
  // Not even where an option of the process says otherwise: it opens the way for smuggled requests.
  insecureHTTPParser: false,
};

/** Application of a request: a `fetch` with Node's objects. */
export type Fetch = (request: Request, bindings: Exchange) => Response | Promise<Response>;

export interface HttpServerOptions {
  /** Connections at once. */
  readonly maxConnections: number;
  /** Of the program, sent with every answer. */
  readonly version: string;
  /** Default: those of the contract. */
  readonly timeouts?: typeof TIMEOUTS;
}

/** Creates the function that answers a request, or refuses it by its head. */
function requestListener(fetch: Fetch, connections: Connections, deps: RefusalDeps) {
  const listener = getRequestListener((request, bindings) => fetch(request, bindings as Exchange), {
    overrideGlobalObjects: false,
    // It would cut a client that still sends its body after half a second. `Connection` has bounds of its own.
    autoCleanupIncoming: false,
    // What it cannot make a request of stays without an answer here, and gets it below.
    errorHandler: (error) => (error instanceof RequestError ? undefined : defectAnswer(error, deps)),
    hostname: 'localhost',
  });
  return async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const exchange = { incoming, outgoing };
    if (connections.of(incoming.socket).isEnding) return;
    connections.follow(exchange);
    const fault = headFault(incoming);
    if (fault !== null) return refuse(exchange, fault, deps);
    await listener(incoming, outgoing);
    // For example an invalid Host.
    if (!outgoing.headersSent) refuse(exchange, 'The Host or the path of the request is not valid.', deps);
  };
}

/** Sends `100 Continue` when the body is read, and not for a request that is refused by its head. */
function continueWhenRead(incoming: IncomingMessage, outgoing: ServerResponse): void {
  incoming.once('resume', () => {
    if (!outgoing.headersSent) outgoing.writeContinue();
  });
}

/** Creates a server of `fetch` that does not listen yet. */
export function createHttpServer(
  fetch: Fetch,
  { maxConnections, version, timeouts = TIMEOUTS }: HttpServerOptions,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Server {
  const connections = new Connections({ max: maxConnections, clock, log });
  const deps = { version, clock, log };
  const serve = requestListener(fetch, connections, deps);
  const server = createServer({ ...OPTIONS, ...timeouts }, (...exchange) => void serve(...exchange));
  // A client may end its side when it has asked: its answer still goes out. Node's types do not know the property.
  Object.assign(server, { httpAllowHalfOpen: true });
  // The parser drops headers beyond this number, and 0 is no limit: their bytes are limited.
  server.maxHeadersCount = 0;
  connections.watch(server);
  server.on('checkContinue', (incoming, outgoing) => {
    continueWhenRead(incoming, outgoing);
    void serve(incoming, outgoing);
  });
  server.on('checkExpectation', (...exchange) => void serve(...exchange));
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const connection = connections.of(socket as Socket);
    // Nobody waits for an answer who sent nothing, or has gone.
    if (error.code === 'ECONNRESET' || (socket as Socket).bytesRead === 0) connection.cut();
    else connection.giveUp((broken) => rawRefusal(error.code, broken, deps));
  });
  server.on('connect', ({ socket }: IncomingMessage) => {
    // Node has taken its own listeners off, and an error that nobody handles ends the process.
    socket.on('data', () => connections.of(socket).cutIfOver()).on('error', () => {});
    connections.of(socket).giveUp(() => rawRefusal(undefined, undefined, deps));
  });
  return server;
}
