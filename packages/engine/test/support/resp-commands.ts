/** One command as a Redis client sends it. */
export interface Command {
  /** In capitals. */
  readonly name: string;
  readonly args: readonly Buffer[];
  /** The command as it was on the wire. */
  readonly bytes: Buffer;
}

function lineEnd(buffer: Buffer, from: number): number {
  return buffer.indexOf('\r\n', from);
}

function numberAt(buffer: Buffer, from: number, end: number): number {
  return Number(buffer.toString('latin1', from + 1, end));
}

/** The first command in the buffer (an array of bulk strings), or null while it is incomplete. */
function firstCommand(buffer: Buffer): Command | null {
  const head = lineEnd(buffer, 0);
  if (head < 0) return null;
  const args: Buffer[] = [];
  let at = head + 2;
  for (let left = numberAt(buffer, 0, head); left > 0; left -= 1) {
    const end = lineEnd(buffer, at);
    if (end < 0) return null;
    const from = end + 2;
    const size = numberAt(buffer, at, end);
    if (buffer.length < from + size + 2) return null;
    args.push(buffer.subarray(from, from + size));
    at = from + size + 2;
  }
  return { name: String(args[0]).toUpperCase(), args, bytes: buffer.subarray(0, at) };
}

/** Takes a client's bytes in any pieces and tells each whole command. */
export function commandReader(tell: (command: Command) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let one = firstCommand(rest); one; one = firstCommand(rest)) {
      rest = rest.subarray(one.bytes.length);
      if (one.args.length > 0) tell(one);
    }
  };
}
