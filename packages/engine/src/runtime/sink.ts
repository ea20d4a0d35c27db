// Writes to standard output and standard error without ever blocking the process. It imports nothing of ours: the parent of a
// service loads this file alone.

import { constants, fstatSync, openSync, write as writeTo, writeSync, type Stats } from 'node:fs';
import type { Writable } from 'node:stream';
import { isatty } from 'node:tty';

/** Text that cannot be written yet waits, up to this size. Further lines are dropped: a log must not fill the memory. */
const MAX_BUFFERED_BYTES = 1_024 * 1_024;
/** Size of one write. */
const MAX_CHUNK_CHARS = 64 * 1_024;
/** Pause before the next try when the reader took nothing, ms. */
const NOT_NOW_MS = 50;
/** Pause before the next try when a write failed, ms. The disk may have room again by then. */
const FAILED_MS = 500;
/** A write that has not ended after this time hangs, ms. */
const HANGS_MS = 200;

export interface Sink {
  /** Never blocks and never throws. */
  write(text: string): void;
  /** How many texts were dropped since the last call, once there is room again; else 0. */
  takeDropped(): number;
  /** Resolves when everything is written, a write fails, or after `ms`. */
  flush(ms: number): Promise<void>;
  /** Whether a thread hangs in a write. `process.exit` would then wait for it, perhaps for ever. */
  isStuck(): boolean;
}

/** One way to write. `done` is told how many bytes were taken. */
interface Device {
  put(chunk: Buffer, done: (error: NodeJS.ErrnoException | null, bytes: number) => void): void;
  /** Writes what is left when the process exits, where that cannot hang. */
  putLast?(chunk: Buffer): void;
  /** Whether writes run on a thread, which exits only after them. */
  readonly onThread: boolean;
}

/** Pipes and sockets: Node writes what they take at once, and keeps the rest until they take more. */
function streamDevice(stream: Writable): Device {
  // The reader has gone. Each later write fails, and that is enough to know.
  stream.on('error', () => {});
  const put: Device['put'] = (chunk, done) =>
    void stream.write(chunk, (error) => done(error ?? null, chunk.length));
  return { put, onThread: false };
}

/**
 * A terminal that was stopped by Ctrl-S takes nothing, and a write would wait for Ctrl-Q. Opened anew it can be told not to
 * wait, without a change for others that use it. Where that is not possible a thread waits, not this process.
 */
function withoutWaiting(fd: number): number {
  if (!isatty(fd)) return fd;
  try {
    return openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return fd;
  }
}

/** Files, terminals and other devices. Their writes may block, so a thread of Node's pool makes them. */
function fileDevice(fd: number, stats: Stats): Device {
  const target = withoutWaiting(fd);
  return {
    put: (chunk, done) => writeTo(target, chunk, done),
    onThread: true,
    ...(stats.isFile() && { putLast: (chunk: Buffer) => void writeSync(fd, chunk) }),
  };
}

function deviceOf(fd: 1 | 2, stream: () => Writable): Device {
  let stats: Stats;
  try {
    stats = fstatSync(fd);
  } catch {
    return streamDevice(stream());
  }
  const isFile = process.platform !== 'win32' && (stats.isFile() || stats.isCharacterDevice());
  return isFile ? fileDevice(fd, stats) : streamDevice(stream());
}

class BufferedSink implements Sink {
  readonly #device: Device;
  #waiting: string[] = [];
  #waitingBytes = 0;
  /** What is being written, or will be written again. */
  #chunk: Buffer | null = null;
  #putAtMs: number | null = null;
  #hasFailed = false;
  #dropped = 0;
  #onIdle: (() => void)[] = [];

  constructor(device: Device) {
    this.#device = device;
  }

  write(text: string): void {
    const bytes = Buffer.byteLength(text);
    if (!this.#hasRoom(bytes)) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(text);
    this.#waitingBytes += bytes;
    if (this.#chunk === null) this.#putNext();
  }

  takeDropped(): number {
    if (this.#dropped === 0 || this.#hasFailed || !this.#hasRoom(MAX_BUFFERED_BYTES / 2)) return 0;
    const count = this.#dropped;
    this.#dropped = 0;
    return count;
  }

  flush(ms: number): Promise<void> {
    if (this.#chunk === null || this.#hasFailed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#onIdle.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  isStuck(): boolean {
    return this.#device.onThread && this.#putAtMs !== null && performance.now() - this.#putAtMs > HANGS_MS;
  }

  /** When the process exits: no event comes any more. */
  writeLast(): void {
    if (!this.#device.putLast || this.#hasFailed || this.#waiting.length === 0) return;
    try {
      this.#device.putLast(Buffer.from(this.#waiting.join('')));
    } catch {
      // The disk is full: there is nobody left to tell.
    }
  }

  #hasRoom(bytes: number): boolean {
    return this.#waitingBytes + (this.#chunk?.length ?? 0) + bytes <= MAX_BUFFERED_BYTES;
  }

  #putNext(): void {
    let count = 0;
    for (let chars = 0; count < this.#waiting.length && chars < MAX_CHUNK_CHARS; count += 1)
      chars += this.#waiting[count]?.length ?? 0;
    if (count === 0) return this.#rest();
    this.#chunk = Buffer.from(this.#waiting.splice(0, count).join(''));
    this.#waitingBytes -= this.#chunk.length;
    this.#put(this.#chunk);
  }

  #put(chunk: Buffer): void {
    this.#putAtMs = performance.now();
    this.#device.put(chunk, (error, bytes) => this.#onPut(chunk, error, bytes));
  }

  #onPut(chunk: Buffer, error: NodeJS.ErrnoException | null, bytes: number): void {
    this.#putAtMs = null;
    if (error) {
      const isBusy = error.code === 'EAGAIN';
      this.#hasFailed = !isBusy;
      if (!isBusy) this.#rest();
      setTimeout(() => this.#put(chunk), isBusy ? NOT_NOW_MS : FAILED_MS).unref();
      return;
    }
    this.#hasFailed = false;
    this.#chunk = bytes < chunk.length ? chunk.subarray(bytes) : null;
    if (this.#chunk) this.#put(this.#chunk);
    else this.#putNext();
  }

  #rest(): void {
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }
}

/** A sink on a stream, for tests. */
export const streamSink = (stream: Writable): Sink => new BufferedSink(streamDevice(stream));

/**
 * Creates the sink of a standard stream. `stream` is the process's stream of the same number, and is asked for only where the
 * sink needs it: a terminal's would block.
 */
export function createSink(fd: 1 | 2, stream: () => Writable): Sink {
  const sink = new BufferedSink(deviceOf(fd, stream));
  process.on('exit', () => sink.writeLast());
  return sink;
}
