/** One command as a Redis client sends it. */
export interface Command {
  /** In upper case. */
  readonly name: string;
  readonly args: readonly Buffer[];
  /** The command as it was on the wire. */
  readonly bytes: Buffer;
}

/** Index of the end of the line; -1 = it has not arrived. */
function lineEnd(buffer: Buffer, from: number): number {
  return buffer.indexOf('\r\n', from);
}

/** The number behind the kind of an element. */
function numberAt(buffer: Buffer, from: number, end: number): number {
  return Number(buffer.toString('latin1', from + 1, end));
}

/** The first command in the buffer (an array of bulk strings), or null while it is incomplete. */
function firstCommand(buffer: Buffer): Command | null {
  const headerEnd = lineEnd(buffer, 0);
  if (headerEnd < 0) return null;
  const args: Buffer[] = [];
  let position = headerEnd + 2;
  for (let left = numberAt(buffer, 0, headerEnd); left > 0; left -= 1) {
    const end = lineEnd(buffer, position);
    if (end < 0) return null;
    const from = end + 2;
    const size = numberAt(buffer, position, end);
    if (buffer.length < from + size + 2) return null;
    args.push(buffer.subarray(from, from + size));
    position = from + size + 2;
  }
  return { name: String(args[0]).toUpperCase(), args, bytes: buffer.subarray(0, position) };
}

/** Takes a client's bytes in chunks cut anywhere, and calls `onCommand` for each complete command. */
export function commandReader(onCommand: (command: Command) => void): (chunk: Buffer) => void {
  let unread: Buffer = Buffer.alloc(0);
  return (chunk) => {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    for (let command = firstCommand(unread); command; command = firstCommand(unread)) {
      unread = unread.subarray(command.bytes.length);
      if (command.args.length > 0) onCommand(command);
    }
  };
}
