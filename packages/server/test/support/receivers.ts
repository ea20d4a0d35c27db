/** Receivers of callbacks that do to the wire what a test wants, and lines to them. */
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach } from 'vitest';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Calls `close` after the test. */
export const closeLater = (close: () => unknown): unknown => closers.push(close);

/** Starts a server; it is closed after the test, with all its connections. Returns its port. */
export async function listening(server: Server, dropConnections: () => void): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeLater(() => {
    const closed = new Promise((resolve) => server.close(resolve));
    dropConnections();
    return closed;
  });
  return (server.address() as AddressInfo).port;
}

export const urlOf = (port: number, scheme = 'http'): string => `${scheme}://127.0.0.1:${port}/hook?a=1`;

export async function httpServer(listener: RequestListener): Promise<string> {
  const server = createHttpServer(listener);
  return urlOf(await listening(server, () => server.closeAllConnections()));
}

export interface ServerCertificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** The TCP connections under those of TLS servers. */
const underTls = new WeakMap<Socket, Socket>();

/** Breaks a connection: the other side gets a reset. */
export const reset = (socket: Socket): unknown => (underTls.get(socket) ?? socket).resetAndDestroy();

/** A server of bare bytes, over TLS if it has a certificate. Returns its port. */
export function byteServer(
  onSocket: (socket: Socket) => void,
  certificate?: ServerCertificate,
): Promise<number> {
  const sockets = new Set<Socket>();
  const accept = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  };
  const dropAll = () => sockets.forEach((socket) => socket.destroy());
  if (!certificate) return listening(createTcpServer(accept), dropAll);
  const byPort = new Map<number | undefined, Socket>();
  const server = createTlsServer(certificate, (socket) => {
    const under = byPort.get(socket.remotePort);
    if (under) underTls.set(socket, under);
    accept(socket);
  });
  server.on('connection', (socket: Socket) => byPort.set(socket.remotePort, socket));
  return listening(server, dropAll);
}

/** `onText` is called with all text received on the connection so far. */
export async function rawServer(onText: (text: string, socket: Socket) => void): Promise<string> {
  const port = await byteServer((socket) => {
    let text = '';
    socket.on('data', (data) => onText((text += data.toString('latin1')), socket));
  });
  return urlOf(port);
}

/** Calls `onRequest` for each request that has arrived whole; `nth` counts them from 1 over all connections. */
export function requestServer(
  onRequest: (socket: Socket, nth: number, text: string) => unknown,
  certificate?: ServerCertificate,
): Promise<number> {
  let nth = 0;
  return byteServer((socket) => {
    let text = '';
    socket.on('data', (data) => {
      text += data.toString('latin1');
      const [head = '', body = ''] = text.split('\r\n\r\n');
      const length = Number(/content-length: (\d+)/.exec(head)?.[1] ?? 0);
      if (!text.includes('\r\n\r\n') || body.length < length) return;
      const request = text;
      text = '';
      nth += 1;
      onRequest(socket, nth, request);
    });
  }, certificate);
}

/** A line to a port that holds everything for `delayMs`, in both directions. Returns its own port. */
export function slowLine(port: number, delayMs: number): Promise<number> {
  return byteServer((client) => {
    const receiver = connect(port, '127.0.0.1');
    closeLater(() => receiver.destroy());
    const later = (act: () => void) => setTimeout(act, delayMs);
    const pass = (from: Socket, to: Socket) => {
      from.on('data', (data) => later(() => to.write(data)));
      from.on('end', () => later(() => to.end()));
      from.on('error', () => later(() => to.resetAndDestroy()));
    };
    pass(client, receiver);
    pass(receiver, client);
  });
}
