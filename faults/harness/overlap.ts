import { renewalsKey, type Attempt, type Events } from './attempts.ts';

/** A worker stops trusting its lease this long before it ends, as in the engine; see docs/design/guarantees.md#lease-times. */
const MARGIN_MS = 500;
const MARGINS = 12;
const LEASE_MS = 6_000;

/** When an attempt ended or its worker stopped trusting the lease, whichever came first. */
function validUntil(attempt: Attempt, { exits, leaseMs, renewals, releases }: Events): number {
  const { member, queue, start } = attempt;
  const length = leaseMs.get(member) ?? LEASE_MS;
  const trustMs = length - Math.min(MARGIN_MS, length / MARGINS);
  let trusted = start + trustMs;
  // A renewal after the trust had ended concerned other leases, not this one.
  for (const since of renewals.get(renewalsKey(member, queue)) ?? []) {
    if (since > trusted) break;
    if (since >= start) trusted = since + trustMs;
  }
  return Math.min(
    trusted,
    attempt.end?.t ?? Infinity,
    attempt.abort?.t ?? Infinity,
    releases.get(member)?.find((at) => at >= start) ?? Infinity,
    exits.get(member)?.t ?? Infinity,
  );
}

/** For how long two attempts of one task ran while both trusted their lease, ms summed over all tasks. */
export function overlapMs(events: Events): number {
  let sum = 0;
  for (const attempts of events.byTask.values()) {
    let latest = -Infinity;
    for (const attempt of attempts) {
      const until = validUntil(attempt, events);
      sum += Math.max(0, Math.min(latest, until) - attempt.start);
      latest = Math.max(latest, until);
    }
  }
  return sum;
}
