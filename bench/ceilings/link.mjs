import { createHash } from 'node:crypto';
import net from 'node:net';

const CRLF = Buffer.from('\r\n');

/** A command as bytes. */
export function encode(args) {
  const parts = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(parts);
}

/** `EVALSHA` as bytes. */
export const encodeCall = (sha1, keys, args) => encode(['EVALSHA', sha1, keys.length, ...keys, ...args]);

export const sha1Of = (text) => createHash('sha1').update(text).digest('hex');

/** Finds where replies end without making anything of them, but for the first text of each. */
class Replies {
  #rest = Buffer.alloc(0);
  /** Elements of the reply under way that are still to come; 0 = between replies. */
  #open = 0;
  #first = null;
  #onReply;

  constructor(onReply) {
    this.#onReply = onReply;
  }

  push(chunk) {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let at = 0;
    let next = this.#element(bytes, at);
    while (next > 0) {
      at = next;
      next = this.#element(bytes, at);
    }
    this.#rest = bytes.subarray(at);
  }

  /** Where the element that begins here ends; -1 = its bytes are not all there yet. */
  #element(bytes, at) {
    const line = bytes.indexOf(10, at) + 1;
    if (line === 0) return -1;
    const kind = bytes[at];
    if (kind === 45) throw new Error(bytes.toString('latin1', at + 1, line - 2));
    const number = kind === 36 || kind === 42 ? Number(bytes.latin1Slice(at + 1, line - 2)) : 0;
    const end = kind === 36 && number >= 0 ? line + number + 2 : line;
    if (end > bytes.length) return -1;
    if (this.#open === 0) this.#open = 1;
    this.#open += (kind === 42 ? Math.max(0, number) : 0) - 1;
    if (kind === 36 && this.#first === null) this.#first = bytes.latin1Slice(line, Math.max(line, end - 2));
    if (this.#open === 0) {
      const first = this.#first;
      this.#first = null;
      this.#onReply(first);
    }
    return end;
  }
}

/** A bare connection: it sends bytes that were made before, and counts replies. */
export async function openLink({ port }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  let onReply;
  let onFailure;
  const replies = new Replies((first) => onReply(first));
  socket.on('data', (chunk) => {
    try {
      replies.push(chunk);
    } catch (error) {
      socket.destroy(error);
    }
  });
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  socket.on('error', (error) => onFailure?.(error));
  return {
    /** Sends calls, so many at once, each as soon as one is answered; resolves to the first text of each reply. */
    send(calls, inFlight) {
      const firsts = [];
      return new Promise((resolve, reject) => {
        let sent = Math.min(inFlight, calls.length);
        onFailure = reject;
        onReply = (first) => {
          firsts.push(first);
          if (sent < calls.length) socket.write(calls[sent++]);
          else if (firsts.length === calls.length) resolve(firsts);
        };
        for (const call of calls.slice(0, sent)) socket.write(call);
      });
    },
    close: () => socket.destroy(),
  };
}
