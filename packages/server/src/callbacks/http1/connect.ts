/** Opens connections to receivers: TCP by `dial`, TLS over it for https. */
import { isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { dial, type Clock } from '@task-center/engine';

export interface ConnectorDeps {
  readonly clock: Pick<Clock, 'after'>;
  /** Certificate authorities instead of the public ones, PEM; for tests. */
  readonly ca?: string | Buffer | undefined;
}

/** Opens a connection to the host of a URL. Rejects with the error, or with the signal's reason when that aborts. */
export type Connector = (url: URL, signal: AbortSignal) => Promise<Socket>;

/** TLS sessions that are remembered, one per origin: they make the next handshake short. */
const MAX_SESSIONS = 1_000;

/** An IPv6 address stands in brackets in a URL. */
const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1');

/** Resolves when the handshake is over and the certificate is right. */
function handshake(socket: TLSSocket, signal: AbortSignal): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const onAbort = () => socket.destroy(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    const onClose = () => reject(new Error('the connection was closed during the TLS handshake'));
    // It stays: a connection that fails later, before it has an owner, must not end the process.
    socket.on('error', reject);
    socket.once('close', onClose);
    socket.once('secureConnect', () => {
      signal.removeEventListener('abort', onAbort);
      socket.removeListener('close', onClose);
      resolve(socket);
    });
  });
}

/** Creates a connector with a memory of TLS sessions. */
export function createConnector({ clock, ca }: ConnectorDeps): Connector {
  const sessions = new Map<string, Buffer>();

  function remember(origin: string, session: Buffer): void {
    sessions.delete(origin);
    sessions.set(origin, session);
    const [oldest] = sessions.keys();
    if (sessions.size > MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest);
  }

  async function secure(socket: Socket, url: URL, signal: AbortSignal): Promise<Socket> {
    const { origin } = url;
    const host = hostOf(url);
    const session = sessions.get(origin);
    const secured = connectTls({
      socket,
      // The name that the certificate must have. A server name in the handshake is never an address.
      host,
      ...(isIP(host) === 0 && { servername: host }),
      ...(session && { session }),
      ...(ca !== undefined && { ca }),
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
      // Explicit: no environment variable can then turn it off.
      rejectUnauthorized: true,
    });
    secured.on('session', (made: Buffer) => remember(origin, made));
    try {
      return await handshake(secured, signal);
    } catch (error) {
      sessions.delete(origin);
      secured.destroy();
      socket.destroy();
      throw error;
    }
  }

  return async (url, signal) => {
    const isSecure = url.protocol === 'https:';
    const host = hostOf(url);
    const port = Number(url.port || (isSecure ? 443 : 80));
    const socket = await dial({ host, port, clock, signal });
    return isSecure ? secure(socket, url, signal) : socket;
  };
}
