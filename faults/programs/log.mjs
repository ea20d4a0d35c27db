// The history of a member: one line of JSON per event, in a file that outlives the process.
import { openSync, writeSync } from 'node:fs';

/** CLOCK_MONOTONIC in ms, which all processes of a machine share. */
export const now = () => Number(process.hrtime.bigint()) / 1e6;

/** Opens a history. Each event is written synchronously: a SIGKILL loses none that was logged. */
export function openLog(path, member) {
  const file = openSync(path, 'a');
  return (e, fields = {}) => void writeSync(file, `${JSON.stringify({ e, t: now(), member, ...fields })}\n`);
}
