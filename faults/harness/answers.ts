import { readHeld } from './held.ts';
import type { Line } from './history.ts';
import type { Run } from './run.ts';

type Ack = Extract<Line, { e: 'ack' }>;

/** Of tasks that an unavailable broker did not take, or perhaps. */
export const UNAVAILABLE = ['refused: broker-unavailable', 'unknown: broker-unavailable'];

/**
 * Puts into the report how often producers were told each code, of tasks that were refused or whose outcome is unknown.
 * Returns those that are not allowed.
 */
export function wrongCodes(run: Run, allowed: readonly string[]): string[] {
  const codes: Record<string, number> = {};
  for (const line of run.lines()) {
    if (line.e !== 'refused' && line.e !== 'unknown') continue;
    const code = `${line.e}: ${line.code}`;
    codes[code] = (codes[code] ?? 0) + 1;
  }
  for (const [code, count] of Object.entries(codes)) run.fact(code, count);
  return Object.keys(codes).filter((code) => !allowed.includes(code));
}

/** The acknowledged tasks that are gone, in the order in which they were acknowledged. To be asked after `finish()`. */
export async function lostAcks(run: Run): Promise<Ack[]> {
  const { tasks } = await readHeld(await run.bed.connect());
  return run
    .lines()
    .filter((line): line is Ack => line.e === 'ack' && !tasks.has(line.id))
    .sort((a, b) => a.t - b.t);
}
