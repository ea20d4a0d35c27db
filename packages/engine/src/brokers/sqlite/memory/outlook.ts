// What a store in memory will have to do, and when: there a clock that is moved must stop.
import { ACTIVE, CANCELLED, COMPLETED } from '../states.ts';
import type { Store } from '../thread/store.ts';

/**
 * Only what polls find. Due times of tasks are not in it: the store tells them to those who wait for them.
 */
export interface Outlook {
  /** The number of leases, and when the last of them ends, monotonic ms. */
  leases(): { readonly count: number; readonly lastEndMs: number };
  /** When the first thing after `afterMs` expires that a janitor removes or puts back, wall-clock ms; Infinity = nothing does. */
  nextExpiryMs(afterMs: number): number;
}

export function createOutlook({ database, queues }: Store): Outlook {
  const lastLease = database.named<{ queue: number }, { at: number | null }>(
    `SELECT max(at) AS at FROM task WHERE queue = :queue AND state = ${ACTIVE}`,
  );
  const firstOf = (state: number) =>
    `SELECT min(at) AS at FROM task WHERE queue = :queue AND state = ${state} AND at > :afterMs`;
  const nextExpiry = database.named<{ queue: number; afterMs: number }, { at: number | null }>(`
    SELECT min(at) AS at FROM (${firstOf(COMPLETED)} UNION ALL ${firstOf(CANCELLED)}
    UNION ALL SELECT min(until_ms) FROM aggregation_set WHERE queue = :queue AND until_ms > :afterMs)`);
  const entries = () => queues.names().flatMap((name) => queues.find(name) ?? []);

  return {
    leases() {
      const leased = entries().filter(({ counts }) => (counts[ACTIVE] ?? 0) > 0);
      return {
        count: leased.reduce((sum, { counts }) => sum + (counts[ACTIVE] ?? 0), 0),
        lastEndMs: Math.max(...leased.map(({ number }) => lastLease.get({ queue: number })?.at ?? 0)),
      };
    },
    nextExpiryMs: (afterMs) =>
      Math.min(...entries().map(({ number }) => nextExpiry.get({ queue: number, afterMs })?.at ?? Infinity)),
  };
}
