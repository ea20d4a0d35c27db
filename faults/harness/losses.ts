import { readBrokerContent } from './broker-content.ts';
import type { Member } from './member.ts';
import type { Run } from './run.ts';

/** IDs of acknowledged tasks of these producers that are gone; for experiments that allow losses of other producers. */
export async function lostOf(run: Run, members: readonly Member[]): Promise<string[]> {
  const { tasks } = await readBrokerContent(await run.bed.connect());
  const acked = members.flatMap(({ history }) =>
    history.read().flatMap((line) => (line.e === 'ack' ? [line.id] : [])),
  );
  return acked.filter((id) => !tasks.has(id));
}
