/**
 * One connection of a client, and how it ends. Node alone would half-close it and wait for the peer for ever, or close it
 * while the peer still sends: then the answer is lost, as TCP resets a connection that is closed with unread bytes.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isFramed } from './request-head.ts';

/** A peer that takes no byte of its answer for this long is cut. */
const MAX_STALL_MS = 30_000;
/** What a peer still sends after its last answer is read and thrown away, this long and this much. */
const MAX_READ_ON_MS = 5_000;
const MAX_READ_ON_BYTES = 16 * 1_024 * 1_024;
/** After a fault or a time-out, a peer that sends nothing for this long is cut: the answer has reached it. */
const MAX_QUIET_MS = 1_000;

/** A request and its answer. */
export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

/** Node marks a request as complete a little later, even one without a body. */
const hasArrived = ({ incoming }: Exchange): boolean => incoming.complete || !isFramed(incoming);

/**
 * Returns a whole answer, as it goes over the wire.
 *
 * @param broken the request that it answers, if the fault is in a body
 */
export type LastWords = (broken: IncomingMessage | undefined) => string;

/** A number that shows progress, and since when it has not changed. */
interface Progress {
  readonly value: number;
  readonly sinceMs: number;
}

/** The end of a connection. `maxQuietMs`: it is cut when the peer has sent nothing for this long. */
interface End {
  readonly startMs: number;
  readonly startBytes: number;
  readonly maxQuietMs: number;
}

const progressOf = (last: Progress | null, value: number, nowMs: number): Progress =>
  last?.value === value ? last : { value, sinceMs: nowMs };

/** Bytes that the system has not taken. Only the handle sees progress within one large piece. */
function unsentBytes(socket: Socket): number {
  const handle = Reflect.get(socket, '_handle') as { writeQueueSize?: number } | null;
  return socket.writableLength + (handle?.writeQueueSize ?? 0);
}

export class Connection {
  readonly #socket: Socket;
  readonly #nowMs: () => number;
  /** Requests without a complete answer, in their order. The last one may still be arriving. */
  readonly #exchanges = new Set<Exchange>();
  #lastWords: LastWords | null = null;
  #end: End | null = null;
  #unsent: Progress | null = null;
  #arrived: Progress | null = null;

  constructor(socket: Socket, nowMs: () => number) {
    this.#socket = socket;
    this.#nowMs = nowMs;
    // Node calls it after an answer with `connection: close`, and would close while the client still sends.
    const { destroySoon } = socket;
    socket.destroySoon = () => {
      if (this.#incomplete()) this.#startEnd(MAX_READ_ON_MS);
      else destroySoon.call(socket);
    };
  }

  /** Whether the connection ends: bytes that arrive now are no request any more. */
  get isEnding(): boolean {
    return this.#lastWords !== null || this.#end !== null;
  }

  /** Whether a request has arrived that is not answered. */
  get isBusy(): boolean {
    return this.#exchanges.size > 0 && [...this.#exchanges].some(hasArrived);
  }

  begin(exchange: Exchange): void {
    this.#exchanges.add(exchange);
  }

  /** The answer is out, or never will be. */
  finish(exchange: Exchange): void {
    this.#exchanges.delete(exchange);
    this.#giveUpIfAnswered();
  }

  /** Throws away the rest of a body whose request was answered before it had arrived. */
  readOn({ incoming }: Exchange): void {
    incoming.removeAllListeners('data');
    incoming.on('data', () => this.cutIfOver());
    incoming.once('end', () => this.#socket.destroy());
    incoming.resume();
  }

  /**
   * Ends the connection, because what arrived is no request. Earlier requests are answered first.
   *
   * @param lastWords returns the answer, and is called when earlier requests are answered
   */
  giveUp(lastWords: LastWords): void {
    if (this.isEnding) return this.cutIfOver();
    this.#lastWords = lastWords;
    this.#giveUpIfAnswered();
  }

  /** Closes the connection without an answer. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Closes the connection if the peer takes nothing, or its time after the end is over. Called at regular intervals. */
  check(): void {
    const nowMs = this.#nowMs();
    this.#unsent =
      this.#socket.writableLength === 0 ? null : progressOf(this.#unsent, unsentBytes(this.#socket), nowMs);
    // A reset also frees what the system keeps for the peer.
    if (this.#unsent && nowMs - this.#unsent.sinceMs >= MAX_STALL_MS) this.#socket.resetAndDestroy();
    else this.cutIfOver();
  }

  /** Closes the connection if the peer's time after the end is over, or it has sent too much. */
  cutIfOver(): void {
    if (this.#end === null) return;
    const nowMs = this.#nowMs();
    const { startMs, startBytes, maxQuietMs } = this.#end;
    const { bytesRead } = this.#socket;
    this.#arrived = progressOf(this.#arrived, bytesRead, nowMs);
    const isOver =
      nowMs - startMs >= MAX_READ_ON_MS ||
      nowMs - this.#arrived.sinceMs >= maxQuietMs ||
      bytesRead - startBytes > MAX_READ_ON_BYTES;
    if (isOver) this.cut();
  }

  /** The request that is still arriving. */
  #incomplete(): Exchange | undefined {
    return [...this.#exchanges].find((exchange) => !hasArrived(exchange));
  }

  #giveUpIfAnswered(): void {
    if (this.#lastWords === null || this.#end !== null) return;
    if (this.isBusy) return;
    // A request that broke while its refusal was on the way has its answer.
    const broken = this.#incomplete();
    if (!broken?.outgoing.headersSent && this.#socket.writable)
      this.#socket.write(this.#lastWords(broken?.incoming));
    this.#startEnd(MAX_QUIET_MS);
  }

  #startEnd(maxQuietMs: number): void {
    if (this.#end) return;
    this.#end = { startMs: this.#nowMs(), startBytes: this.#socket.bytesRead, maxQuietMs };
    this.#arrived = { value: this.#socket.bytesRead, sinceMs: this.#end.startMs };
    this.#socket.end();
  }
}
