import type { DayCounts } from '../../../broker/inspect.ts';
import { failedOnKey, processedOnKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { textOf } from '../scripts/reply.ts';

const DAY_MS = 86_400_000;

/** What the broker's clock says, ms. */
async function nowMs({ client }: RedisDeps): Promise<number> {
  const set = client.nowMs();
  if (set !== null) return set;
  const [seconds] = (await client.command(['TIME'])) as readonly unknown[];
  return Number(textOf(seconds)) * 1_000;
}

/** Asynq's counters of days (protocol 1.6), today first. */
export async function history(deps: RedisDeps, queue: string, days: number): Promise<DayCounts[]> {
  const today = await nowMs(deps);
  const names = Array.from({ length: days }, (_, i) =>
    new Date(today - i * DAY_MS).toISOString().slice(0, 10),
  );
  const keys = names.flatMap((day) => [processedOnKey(queue, day), failedOnKey(queue, day)]);
  const counts = (await deps.client.command(['MGET', ...keys])) as readonly unknown[];
  const count = (i: number): number => Number(counts[i] === null ? 0 : textOf(counts[i])) || 0;
  return names.map((day, i) => ({ day, processed: count(2 * i), failed: count(2 * i + 1) }));
}
