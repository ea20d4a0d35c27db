/** The HTTP server: where it listens, and an orderly end. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Clock, Runtime } from '@task-center/engine';
import { ConfigError } from '../config/config.ts';
import { createHttpServer, type Fetch, type HttpServerOptions } from './wire/http-server.ts';

/** A listening server. */
export interface ListeningServer {
  /** Base URL, such as `http://127.0.0.1:7420`. */
  readonly url: string;
  /** Accepts no more connections, lets requests in progress end for `drainMs`, then closes the remaining ones. */
  close(drainMs: number): Promise<void>;
}

/** Interval at which connections that became idle are closed while draining. */
const POLL_MS = 50;

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The settings that name it, for errors. */
  readonly group: 'http' | 'health';
}

/** Says in words why the server cannot listen. */
function listenFault(error: NodeJS.ErrnoException, { host, port, group }: ListenAddress): ConfigError {
  const keyOf = (name: 'host' | 'port') =>
    `${group}.${name} (TASKCENTER_${`${group}_${name}`.toUpperCase()})`;
  const options = { cause: error };
  switch (error.code) {
    case 'EADDRINUSE':
      return new ConfigError(
        `The port ${port} on ${host} is in use. Stop what uses it, or set ${keyOf('port')}.`,
        [],
        options,
      );
    case 'EACCES':
      return new ConfigError(
        `The port ${port} may not be used by this user. Set ${group}.port to 1024 or more.`,
        [],
        options,
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new ConfigError(`This machine has no address ${host}. Set ${keyOf('host')}.`, [], options);
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

/** The clients that wait to be accepted. The system has a limit of its own, 4,096 on Linux. */
const BACKLOG = 4_096;

/**
 * Serves `fetch` over HTTP. Resolves when the port is open.
 *
 * @throws ConfigError the port or address cannot be used.
 */
export async function listen(
  fetch: Fetch,
  { host, port, group, ...options }: HttpServerOptions & ListenAddress,
  { clock, log }: Pick<Runtime, 'clock' | 'log'>,
): Promise<ListeningServer> {
  const server = createHttpServer(fetch, options, { clock, log });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenFault(error, { host, port, group })));
    server.listen({ port, host, backlog: BACKLOG }, resolve);
  });
  server.on('error', (err) => log.error({ err }, 'HTTP cannot accept a connection'));
  return { url: urlOf(host, server), close: (drainMs) => drain(server, clock, drainMs) };
}
