import { renewalsKey, type Attempt, type Events } from './attempts.ts';

/** What a worker keeps back for doubt (reliability F.2), as the engine does. */
const MARGIN_MS = 500;
const MARGINS = 12;
const LEASE_MS = 6_000;

/** When an attempt no longer runs under a lease that its worker may trust. */
function validUntil(attempt: Attempt, { gone, leaseMs, renewals, releases }: Events): number {
  const { member, queue, start } = attempt;
  const length = leaseMs.get(member) ?? LEASE_MS;
  const trustMs = length - Math.min(MARGIN_MS, length / MARGINS);
  let trusted = start + trustMs;
  // A renewal that began later renewed other leases, not this one.
  for (const since of renewals.get(renewalsKey(member, queue)) ?? []) {
    if (since > trusted) break;
    if (since >= start) trusted = since + trustMs;
  }
  return Math.min(
    trusted,
    attempt.end?.t ?? Infinity,
    attempt.abort?.t ?? Infinity,
    releases.get(member)?.find((at) => at >= start) ?? Infinity,
    gone.get(member)?.t ?? Infinity,
  );
}

/** For how long two attempts of one task ran, both under a valid lease, ms over all tasks. */
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
