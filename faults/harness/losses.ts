import { readHeld } from './held.ts';
import type { Member } from './member.ts';
import type { Run } from './run.ts';

/** Tasks of these producers that were acknowledged and are gone; for experiments that allow losses to others. */
export async function lostOf(run: Run, members: readonly Member[]): Promise<string[]> {
  const { tasks } = await readHeld(await run.bed.connect());
  const acked = members.flatMap(({ history }) =>
    history.read().flatMap((line) => (line.e === 'ack' ? [line.id] : [])),
  );
  return acked.filter((id) => !tasks.has(id));
}
