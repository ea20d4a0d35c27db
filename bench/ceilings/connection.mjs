import { createHash } from 'node:crypto';
import net from 'node:net';

const CRLF = Buffer.from('\r\n');

/** Encodes a command in RESP. */
export function encode(args) {
  const chunks = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = Buffer.isBuffer(arg) ? arg : Buffer.from(String(arg));
    chunks.push(Buffer.from(`$${bytes.length}\r\n`), bytes, CRLF);
  }
  return Buffer.concat(chunks);
}

/** Encodes an `EVALSHA` call. */
export const encodeCall = (sha1, keys, args) => encode(['EVALSHA', sha1, keys.length, ...keys, ...args]);

export const sha1Of = (text) => createHash('sha1').update(text).digest('hex');

/** Finds the ends of RESP replies without decoding them, except for the first string of each. */
class ReplyScanner {
  #rest = Buffer.alloc(0);
  /** Elements of the current reply that are still missing; 0 = between replies. */
  #open = 0;
  #first = null;
  #onReply;

  constructor(onReply) {
    this.#onReply = onReply;
  }

  push(chunk) {
    const bytes = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    let offset = 0;
    let next = this.#scanElement(bytes, offset);
    while (next > 0) {
      offset = next;
      next = this.#scanElement(bytes, offset);
    }
    this.#rest = bytes.subarray(offset);
  }

  /** Scans the element at an offset; returns the offset of its end, or -1 while bytes are missing. */
  #scanElement(bytes, offset) {
    const line = bytes.indexOf(10, offset) + 1;
    if (line === 0) return -1;
    // The type byte: 45 is "-" (error), 36 is "$" (bulk string), 42 is "*" (array).
    const kind = bytes[offset];
    if (kind === 45) throw new Error(bytes.toString('latin1', offset + 1, line - 2));
    const number = kind === 36 || kind === 42 ? Number(bytes.latin1Slice(offset + 1, line - 2)) : 0;
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

/** Opens a bare connection that sends encoded calls and counts the replies. */
export async function openConnection({ port }) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  let onReply;
  let onFailure;
  const replies = new ReplyScanner((first) => onReply(first));
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
    /** Sends calls, at most `inFlight` at once; resolves to the first string of each reply. */
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
