/** Reads one answer from the bytes of a connection, in bounded memory. */
import { GrowingBuffer } from '../../growing-buffer.ts';
import { createAnswerBody, MAX_READ_BYTES, type ReadBody } from '../answer-body.ts';
import { parseHead, startFault, type AnswerHead } from './answer-head.ts';
import { ChunkDecoder, type Decoded } from './chunks.ts';
import { bodyFramingOf, keepMsOf, type BodyFraming } from './framing.ts';

/** An answer, or what arrived of it. There is one as soon as a final status was read. */
export interface ReadAnswer extends ReadBody {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** What is missing, and why; null = the answer is complete. */
  readonly cut: string | null;
}

/** Most bytes of a status line and its headers, and of all interim answers together. */
const MAX_HEAD_BYTES = 65_536;
const TOO_MUCH_INTERIM = `its interim answers (1xx) are over ${MAX_HEAD_BYTES} bytes`;
const LF = 10;
const CR = 13;

const isInterim = ({ status }: AnswerHead): boolean => status < 200;

/** Where the empty line after the headers ends; -1 = it has not arrived. Nothing ends before `from`. */
function headEnd(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2;
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3;
  }
  return -1;
}

/**
 * Reads an answer as it arrives. It decides what belongs to the answer, and what an incomplete one is still good for:
 *
 * - Interim answers (1xx) are skipped, whether they were asked for or not. 101 is a fault, and so are more of them than
 *   anybody needs: a receiver could keep us busy with them.
 * - Once a final status was read there is an answer, whatever happens after that.
 */
export class AnswerReader {
  /** Why there is no answer and cannot be one; null = there may be. */
  fault: string | null = null;
  /** Whether anything has arrived. */
  hasBegun = false;
  #head = new GrowingBuffer();
  #interimBytes = 0;
  /** Set when the headers have ended. */
  #parsed: AnswerHead | null = null;
  #framing: BodyFraming | null = null;
  #chunks: ChunkDecoder | null = null;
  readonly #body = createAnswerBody();
  #cut: string | null = null;
  #isOver = false;
  #isFollowed = false;

  /** Takes bytes of the connection. True = nothing more belongs to the answer, or can be read of it. */
  add(bytes: Buffer): boolean {
    this.hasBegun ||= bytes.length > 0;
    let rest = bytes;
    while (rest.length > 0 && !this.#isOver)
      rest = this.#framing ? this.#addToBody(rest, this.#framing) : this.#addToHead(rest);
    this.#isFollowed ||= rest.length > 0;
    return this.#isOver;
  }

  /** Whether a final status was read. */
  get hasStatus(): boolean {
    return this.#finalHead() !== null;
  }

  /** What has arrived of a head that is incomplete, for messages. */
  get beginning(): string {
    return this.#head.bytes.toString('latin1');
  }

  /**
   * Ends the answer where it is.
   *
   * @param why such as `the connection was closed`
   * @param isClosed whether the receiver has closed the connection: some bodies end that way
   */
  stop(why: string, isClosed = false): void {
    if (this.#isOver) return;
    if (isClosed && this.#framing?.kind === 'close') this.#end();
    else this.#cutAt(why);
  }

  /** What was read; null = no final status has arrived. */
  answer(): ReadAnswer | null {
    const head = this.#finalHead();
    return head && { status: head.status, headers: head.headers, ...this.#body.read(), cut: this.#cut };
  }

  /** See `keepMsOf`. 0 also if the answer is incomplete, or if anything has followed it. */
  keepMs(defaultMs: number, maxMs: number): number {
    const isWhole = this.#isOver && this.#cut === null && !this.#isFollowed;
    return this.#parsed && isWhole ? keepMsOf(this.#parsed, defaultMs, maxMs) : 0;
  }

  #finalHead(): AnswerHead | null {
    const head = this.#parsed ?? parseHead(this.#head.bytes);
    return head === null || isInterim(head) || this.fault !== null ? null : head;
  }

  #end(): void {
    this.#isOver = true;
  }

  #cutAt(why: string): void {
    const of = this.#framing?.kind === 'length' ? ` of ${this.#framing.length}` : '';
    this.#cut = this.#framing
      ? `the body was cut after ${this.#body.size}${of} bytes: ${why}`
      : `the answer was cut in its headers, after ${this.#head.length} bytes: ${why}`;
    this.#end();
  }

  #refuse(fault: string): void {
    this.fault = fault;
    this.#end();
  }

  /** Returns the bytes after the head. */
  #addToHead(bytes: Buffer): Buffer {
    const before = this.#head.length;
    this.#head.add(bytes.subarray(0, MAX_HEAD_BYTES - before));
    const head = this.#head.bytes;
    const end = headEnd(head, Math.max(0, before - 2));
    if (end >= 0) {
      this.#readHead(head.subarray(0, end));
      return bytes.subarray(end - before);
    }
    const fault = startFault(head);
    if (fault !== null) this.#refuse(fault);
    else if (head.length === MAX_HEAD_BYTES) this.#endLongHead();
    return bytes.subarray(head.length - before);
  }

  #endLongHead(): void {
    if (this.hasStatus) this.#cutAt(`no more is read (limit ${MAX_HEAD_BYTES} bytes)`);
    else this.#refuse(TOO_MUCH_INTERIM);
  }

  /** A head is complete. */
  #readHead(bytes: Buffer): void {
    const head = parseHead(bytes);
    if (head === null) return this.#refuse(startFault(bytes) ?? 'it has no status');
    if (head.status === 101) return this.#refuse('it is 101 Switching Protocols, which was not asked for');
    this.#head = new GrowingBuffer();
    if (isInterim(head)) return this.#skip(bytes.length);
    this.#parsed = head;
    const framing = bodyFramingOf(head);
    this.#framing = framing;
    if (framing.kind === 'chunked') this.#chunks = new ChunkDecoder();
    if (head.fault !== null) this.#cutAt(head.fault);
    else if (framing.kind === 'unknown') this.#cutAt(framing.fault);
    else if (framing.kind === 'length' && framing.length === 0) this.#end();
  }

  /** An interim answer of this length has ended. */
  #skip(length: number): void {
    this.#interimBytes += length;
    if (this.#interimBytes > MAX_HEAD_BYTES) this.#refuse(TOO_MUCH_INTERIM);
  }

  /** Returns the bytes after the body. */
  #addToBody(bytes: Buffer, framing: BodyFraming): Buffer {
    const { data, rest, isOver, fault } = this.#chunks?.add(bytes) ?? this.#plain(bytes, framing);
    const isRead = data.every((part) => this.#body.add(part));
    if (!isRead) this.#cutAt(`no more is read (limit ${MAX_READ_BYTES} bytes)`);
    else if (fault !== null) this.#cutAt(fault);
    else if (isOver) this.#end();
    return rest;
  }

  /** A body without chunks. */
  #plain(bytes: Buffer, framing: BodyFraming): Decoded {
    const left = framing.kind === 'length' ? framing.length - this.#body.size : Infinity;
    const isOver = bytes.length >= left;
    return {
      data: [bytes.subarray(0, left)],
      rest: isOver ? bytes.subarray(left) : bytes.subarray(bytes.length),
      isOver,
      fault: null,
    };
  }
}
