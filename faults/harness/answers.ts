import { readBrokerContent } from './broker-content.ts';
import type { Line } from './history.ts';
import type { Run } from './run.ts';

type Ack = Extract<Line, { e: 'ack' }>;

/** The codes that producers may get from an unavailable broker, as {@link wrongCodes} writes them. */
export const UNAVAILABLE = ['refused: broker-unavailable', 'unknown: broker-unavailable'];

/** The codes that producers may get from a Redis that refuses writes: at first it is waited for, then it is known. */
export const REFUSES_WRITES = [...UNAVAILABLE, 'refused: broker-unsafe', 'unknown: broker-unsafe'];

/**
 * Reports how often producers got each error code, for tasks that were refused or whose outcome is unknown.
 *
 * @returns the codes that are not allowed, each as `refused: <code>` or `unknown: <code>`
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

/** The acknowledged tasks that the broker no longer has, oldest acknowledgement first. Call it after `finish()`. */
export async function lostAcks(run: Run): Promise<Ack[]> {
  const { tasks } = await readBrokerContent(await run.bed.connect());
  return run
    .lines()
    .filter((line): line is Ack => line.e === 'ack' && !tasks.has(line.id))
    .sort((a, b) => a.t - b.t);
}
