import { readHeld } from './held.ts';
import type { Line } from './history.ts';
import type { Run } from './run.ts';

type Ack = Extract<Line, { e: 'ack' }>;

/** How often producers were told each code, of tasks that were refused or whose outcome is unknown. */
export function codesIn(lines: readonly Line[]): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const line of lines) {
    if (line.e !== 'refused' && line.e !== 'unknown') continue;
    const code = `${line.e}: ${line.code}`;
    codes[code] = (codes[code] ?? 0) + 1;
  }
  return codes;
}

/** The acknowledged tasks that are gone, in the order in which they were acknowledged. To be asked after `finish()`. */
export async function lostAcks(run: Run): Promise<Ack[]> {
  const { tasks } = await readHeld(await run.bed.connect());
  return run
    .lines()
    .filter((line): line is Ack => line.e === 'ack' && !tasks.has(line.id))
    .sort((a, b) => a.t - b.t);
}
