import type { Socket } from 'node:net';

/** The exchange that uses a connection now. */
export interface ConnectionUser {
  onBytes(bytes: Buffer): void;
  /** The connection has ended. `error`: null = the receiver has closed it. Called at most once, and nothing follows. */
  onClosed(error: Error | null): void;
}

type Written = (error?: Error | null) => void;

/**
 * Makes a failed write leave the socket open. A receiver may answer and close its end before it has read all: a write then
 * fails while the answer waits to be read, and Node would throw the answer away. Every such socket still ends: when all
 * that has arrived is read, the read ends or fails.
 */
function readOnAfterFailedWrites(socket: Socket, onFailure: (error: Error) => void): void {
  const tolerant =
    (done: Written): Written =>
    (error) => {
      if (error) onFailure(error);
      done();
    };
  // The methods by which Node's streams write.
  const { _write: write, _writev: writev } = socket;
  Object.assign(socket, {
    _write(chunk: unknown, encoding: BufferEncoding, done: Written) {
      write.call(socket, chunk, encoding, tolerant(done));
    },
    _writev(chunks: { chunk: unknown; encoding: BufferEncoding }[], done: Written) {
      writev?.call(socket, chunks, tolerant(done));
    },
  });
}

/** A connection to a receiver. It has one user at a time; what comes while it has none closes it. */
export class ReceiverConnection {
  /** Monotonic ms. */
  readonly openedMs: number;
  readonly remoteAddress: string | null;
  readonly #socket: Socket;
  #user: ConnectionUser | null = null;
  #failedWrite: Error | null = null;
  #isOpen = true;
  #onClose: (() => void) | undefined;

  constructor(socket: Socket, openedMs: number) {
    this.#socket = socket;
    this.openedMs = openedMs;
    this.remoteAddress = socket.remoteAddress ?? null;
    readOnAfterFailedWrites(socket, (error) => (this.#failedWrite ??= error));
    socket.on('data', (bytes) => (this.#user ? this.#user.onBytes(bytes) : this.destroy()));
    socket.on('end', () => this.#close(this.#failedWrite));
    socket.on('error', (error) => this.#close(error));
    socket.on('close', () => this.#close(this.#failedWrite));
    if (socket.destroyed) this.#close(socket.errored);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Calls `act` once when the connection has ended, on either side. */
  onClose(act: () => void): void {
    this.#onClose = act;
  }

  /** Sends a request. Its user hears of everything that comes back, until it releases or destroys the connection. */
  send(head: string, body: Uint8Array | null, user: ConnectionUser): void {
    this.#user = user;
    const socket = this.#socket;
    if (!this.#isOpen) return queueMicrotask(() => this.#tell(this.#failedWrite));
    // One packet if both fit.
    socket.cork();
    socket.write(head, 'latin1');
    if (body) socket.write(body);
    socket.uncork();
  }

  /** Ends its use. False = it cannot be used again: the request was not sent to its end, or the connection has ended. */
  release(): boolean {
    this.#user = null;
    return this.#isOpen && this.#failedWrite === null && this.#socket.writableLength === 0;
  }

  /** Closes the connection. Its user hears nothing of it. */
  destroy(): void {
    this.#user = null;
    this.#close(null);
  }

  #close(error: Error | null): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.destroy();
    this.#onClose?.();
    this.#tell(error);
  }

  #tell(error: Error | null): void {
    const user = this.#user;
    this.#user = null;
    user?.onClosed(error);
  }
}
