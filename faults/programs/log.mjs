// A member's history: one line of JSON per event, in a file that outlives its process.
import { openSync, writeSync } from 'node:fs';

/** CLOCK_MONOTONIC in ms: comparable between the processes of a machine. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Written at once, so that a SIGKILL loses nothing that was told. */
export function openLog(path, member) {
  const file = openSync(path, 'a');
  return (e, fields = {}) => void writeSync(file, `${JSON.stringify({ e, t: now(), member, ...fields })}\n`);
}
