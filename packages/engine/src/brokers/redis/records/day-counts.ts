import { DAY_MS } from '@task-center/model';
import type { DayCounts } from '../../../broker/inspect.ts';
import { SECOND_MS, utcDay } from '../../../protocol/go-time.ts';
import { failedOnKey, processedOnKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { textOf } from '../scripts/reply.ts';

// Counters per day on Redis: two keys for each day and queue. Asynq and our scripts increase them, and they expire after
// 90 days.

/** The time by Redis' clock, which dates the counters, ms; in tests the fixed time. */
async function nowMs({ client }: RedisDeps): Promise<number> {
  const fixedMs = client.nowMs();
  if (fixedMs !== null) return fixedMs;
  const [seconds] = (await client.command(['TIME'])) as readonly unknown[];
  return Number(textOf(seconds)) * SECOND_MS;
}

/** Asynq's counters per UTC day for the last `days` days, today first. */
export async function readDayCounts(deps: RedisDeps, queue: string, days: number): Promise<DayCounts[]> {
  const today = await nowMs(deps);
  const dates = Array.from({ length: days }, (_, i) => utcDay(today - i * DAY_MS));
  const keys = dates.flatMap((day) => [processedOnKey(queue, day), failedOnKey(queue, day)]);
  const counts = (await deps.client.command(['MGET', ...keys])) as readonly unknown[];
  const count = (i: number): number => Number(counts[i] === null ? 0 : textOf(counts[i])) || 0;
  return dates.map((day, i) => ({ day, processed: count(2 * i), failed: count(2 * i + 1) }));
}
