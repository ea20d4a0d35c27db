import type { Anomalies, QueueFacts } from '../../../../broker/inspect.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { textOf, textOrNull } from '../reply.ts';

const NS_DIGITS = 6;

/** Wall-clock ms of nanoseconds as text (protocol 0, hazard 2), or null where there is no such number. */
export function msOfNanoseconds(text: string | null): number | null {
  return text !== null && /^\d{7,19}$/.test(text) ? Number(text.slice(0, -NS_DIGITS)) : null;
}

/** A counter; what is none counts as nothing. */
function countOf(raw: unknown): number {
  const count = Number(textOrNull(raw) ?? 0);
  return Number.isFinite(count) ? count : 0;
}

function anomaliesOf(raw: readonly unknown[]): Anomalies {
  // As the scripts see them: anything else than a whole number begins anew.
  const [dropped = 0, archived = 0, renamedKeys = 0] = raw
    .map(countOf)
    .map((count) => (Number.isSafeInteger(count) && count >= 0 ? count : 0));
  return { dropped, archived, renamedKeys };
}

export const queueFacts = defineScript({
  name: 'queue-facts',
  lua: lua.queueFacts,
  keys: (queue: string) => [pendingKey(queue)],
  args: () => [],
  reply: (raw, queue): QueueFacts => {
    const all = raw as readonly unknown[];
    const [pending, active, scheduled, retry, both, marked, archived, paused] = all as readonly number[];
    const [reason, since, processed, failed, now, aggregating, groups, odd] = all.slice(8);
    const cancelled = Math.min(both ?? 0, marked ?? 0);
    const sinceMs = msOfNanoseconds(textOrNull(since));
    return {
      queue,
      counts: {
        scheduled: scheduled ?? 0,
        pending: pending ?? 0,
        active: active ?? 0,
        retry: retry ?? 0,
        completed: (both ?? 0) - cancelled,
        cancelled,
        archived: archived ?? 0,
        aggregating: aggregating as number,
      },
      paused: paused === 1,
      pauseReason: paused === 1 ? textOrNull(reason) : null,
      oldestPendingMs: sinceMs === null ? null : Math.max(0, Number(textOf(now)) - sinceMs),
      processed: countOf(processed),
      failed: countOf(failed),
      groups: groups as number,
      anomalies: anomaliesOf(odd as readonly unknown[]),
    };
  },
});
