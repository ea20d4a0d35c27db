import type { Anomalies, QueueFacts } from '../../../../broker/inspect.ts';
import { OWN_TOTALS, totalsOf, type OwnTotal, type OwnTotals } from '../../../../broker/totals.ts';
import { SECOND_MS } from '../../../../protocol/go-time.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript, type QueuesCall } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { textOf, textOrNull } from '../reply.ts';

/** Digits that nanoseconds have beyond milliseconds. */
const NS_PER_MS_DIGITS = 6;

/** Wall-clock ms of nanoseconds as text, which are too large for a double. Null for other texts. */
export function msOfNanoseconds(text: string | null): number | null {
  return text !== null && /^\d{7,19}$/.test(text) ? Number(text.slice(0, -NS_PER_MS_DIGITS)) : null;
}

/** A counter; 0 if it is no number. */
function countOf(raw: unknown): number {
  const count = Number(textOrNull(raw) ?? 0);
  return Number.isFinite(count) ? count : 0;
}

/** As the scripts do: anything but a whole number counts as 0. A foreign process may have written anything. */
function wholeCountOf(raw: unknown): number {
  const count = countOf(raw);
  return Number.isSafeInteger(count) && count >= 0 ? count : 0;
}

/** Fields of `tc:{q}:odd`, in the order in which the script returns them. */
function anomaliesOf(raw: readonly unknown[]): Anomalies {
  const [dropped = 0, archived = 0, renamedKeys = 0] = raw.map(wholeCountOf);
  return { dropped, archived, renamedKeys };
}

/** Fields of `tc:{q}:n`, names and values in turn. */
function ownTotalsOf(raw: readonly unknown[]): OwnTotals {
  const values = new Map<string | null, number>();
  for (let i = 0; i < raw.length; i += 2) values.set(textOrNull(raw[i]), wholeCountOf(raw[i + 1]));
  const entries = Object.entries(OWN_TOTALS).map(([name, field]) => [name, values.get(field) ?? 0]);
  return Object.fromEntries(entries) as Record<OwnTotal, number>;
}

/** The facts of a queue that was never used. */
const UNUSED_QUEUE: readonly unknown[] = [
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  null,
  null,
  '0',
  '0',
  '0',
  0,
  0,
  [],
  null,
  [],
];

/** The facts of one queue, as the script returns them. */
function parseFacts(queue: string, facts: readonly unknown[]): QueueFacts {
  const [pending, active, scheduled, retry, completedSize, cancelledSize, archived, paused] =
    facts as readonly number[];
  const [reason, pendingSince, processed, failed, now, aggregating, groups, anomalies, joinedS, totals] =
    facts.slice(8);
  const joined = textOrNull(joinedS ?? null);
  // Cancelled tasks are in `completed`, too. If a Go tool removes one there, `st:cancelled` still has it.
  const cancelled = Math.min(completedSize ?? 0, cancelledSize ?? 0);
  const ended = { processed: countOf(processed), failed: countOf(failed) };
  const pendingSinceMs = msOfNanoseconds(textOrNull(pendingSince));
  return {
    queue,
    counts: {
      scheduled: scheduled ?? 0,
      pending: pending ?? 0,
      active: active ?? 0,
      retry: retry ?? 0,
      completed: (completedSize ?? 0) - cancelled,
      cancelled,
      archived: archived ?? 0,
      aggregating: aggregating as number,
    },
    paused: paused === 1,
    pauseReason: paused === 1 ? textOrNull(reason) : null,
    // `now` is by Redis' clock. A Go client writes `pending_since` by its own clock, which may be ahead: so at least 0.
    oldestPendingMs: pendingSinceMs === null ? null : Math.max(0, Number(textOf(now)) - pendingSinceMs),
    oldestAggregatingMs:
      joined === null ? null : Math.max(0, Number(textOf(now)) - Number(joined) * SECOND_MS),
    ...ended,
    totals: totalsOf(ownTotalsOf(totals as readonly unknown[]), ended),
    groups: groups as number,
    anomalies: anomaliesOf(anomalies as readonly unknown[]),
  };
}

/** Replies with sizes, counters and settings of each queue. */
export const queueFacts = defineScript({
  lua: lua.queueFacts,
  keys: () => ({}),
  moreKeys: ({ queues }: QueuesCall) => queues.map(pendingKey),
  args: ({ queues }) => ({ queues: queues.length }),
  reply: (raw, { queues }): QueueFacts[] =>
    (raw as readonly (0 | readonly unknown[])[]).map((facts, i) =>
      parseFacts(queues[i] as string, facts === 0 ? UNUSED_QUEUE : facts),
    ),
});
