/** Where the lines of the log go: a stream whose reader may be slow, or gone. */
import type { Writable } from 'node:stream';

/** Lines wait for their reader up to this size. Beyond it they are dropped: a log must not fill the memory. */
const MAX_WAITING_BYTES = 1_024 * 1_024;

export interface LogOutput {
  /** Never blocks and never throws. */
  write(line: string): void;
  /** How many lines were dropped since the last call, once there is room again; else 0. */
  takeDropped(): number;
}

/**
 * Writes lines to a stream. A pipe that nobody reads must neither stop the service nor keep it from ending. The stream of a
 * process's standard output does neither: it writes what the pipe takes at once, and keeps the rest in memory.
 */
export function createLogOutput(stream: Writable): LogOutput {
  let dropped = 0;
  // The reader has gone: lines are lost from now on, and the service goes on.
  stream.on('error', () => {});
  const hasRoom = () => stream.writable && stream.writableLength < MAX_WAITING_BYTES;
  return {
    write(line) {
      if (hasRoom()) stream.write(line);
      else dropped += 1;
    },
    takeDropped() {
      if (dropped === 0 || !hasRoom()) return 0;
      const count = dropped;
      dropped = 0;
      return count;
    },
  };
}
