/** A connection of a client that sends what it likes, and reads when it likes. */
import { connect, type Socket } from 'node:net';
import { documentFaults } from './document-check.ts';

export interface RawConnection {
  readonly socket: Socket;
  /** What has arrived so far. */
  readonly received: () => string;
  send(text: string): Promise<void>;
  /** Ends our side only. */
  end(): void;
  /** Resolves when what has arrived matches; rejects when the connection is closed before. */
  saw(pattern: RegExp): Promise<void>;
  /** Resolves to all that arrived when the other side has ended or cut the connection. */
  readonly closed: Promise<string>;
}

export interface RawOptions {
  /** Whether it leaves unread what arrives, until `socket.resume()`. Default false. */
  readonly isDeaf?: boolean;
}

/** Connects to a port of this machine. The client never closes by itself. */
export async function connectRaw(port: number, { isDeaf = false }: RawOptions = {}): Promise<RawConnection> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.setEncoding('latin1');
  let text = '';
  const watchers = new Set<() => void>();
  let isClosed = false;
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (const watcher of watchers) watcher();
  });
  if (isDeaf) socket.pause();
  const closed = new Promise<string>((resolve) => {
    const done = () => {
      isClosed = true;
      for (const watcher of watchers) watcher();
      resolve(text);
    };
    socket.on('end', done).on('close', done).on('error', done);
  });
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return {
    socket,
    received: () => text,
    send: (sent) => new Promise((resolve) => socket.write(sent, 'latin1', () => resolve())),
    end: () => void socket.end(),
    closed,
    saw: (pattern) =>
      new Promise((resolve, reject) => {
        const watcher = () => {
          if (pattern.test(text)) resolve();
          else if (isClosed) reject(new Error(`closed before ${pattern}: ${text}`));
          else return;
          watchers.delete(watcher);
        };
        watchers.add(watcher);
        watcher();
      }),
  };
}

/** Sends text over a connection of its own, and resolves to all that arrives until the other side ends it. */
export async function sendRaw(port: number, text: string): Promise<string> {
  const connection = await connectRaw(port);
  await connection.send(text);
  const received = await connection.closed;
  connection.socket.destroy();
  checkFirst(text, received);
  return received;
}

/** Checks the first answer with the OpenAPI document. */
function checkFirst(sent: string, received: string): void {
  const [, method, path] = /^(\w+) (\/\S*) HTTP/.exec(sent) ?? [];
  const [, code, head = ''] = /^HTTP\/1\.1 (\d+)[^\r]*\r\n([^]*?)\r\n\r\n/.exec(received) ?? [];
  if (method === undefined || path === undefined || code === undefined) return;
  const lines = head.split('\r\n').map((line) => line.split(/: (.*)/s, 2) as [string, string]);
  const headers = new Headers(lines);
  const start = received.indexOf('\r\n\r\n') + 4;
  const body = received.slice(start, start + Number(headers.get('content-length') ?? 0));
  const text = Buffer.from(body, 'latin1').toString();
  const faults = documentFaults({ method, path }, { status: Number(code), headers, text });
  if (faults.length > 0)
    throw new Error(`${method} ${path} is not as the OpenAPI document says: ${faults.join('; ')}`);
}
