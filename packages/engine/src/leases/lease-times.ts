/**
 * Length of a lease. It bounds how long the task of a dead worker waits: with a scan every 750 ms and a look-up by the
 * next worker it runs again within 8.3 s at most if the worker is woken. See docs/design/guarantees.md#lease-times.
 */
export const LEASE_MS = 6_000;
/** The same with the profile `asynq`: the length of Asynq's own leases. */
export const ASYNQ_LEASE_MS = 30_000;

/** Length of a claim unless its user sets it. It bounds how long the work of a dead instance waits for another. */
export const CLAIM_MS = 15_000;

/** A lease is renewed four times in its length, and at least every 5 s, as Asynq renews. */
const RENEWALS = 4;
const MAX_RENEW_MS = 5_000;
/**
 * A worker stops trusting its lease this long before the broker ends it, because their clocks and timers are not exact.
 * Short leases give up a twelfth of their length.
 */
const MARGIN_MS = 500;
const MARGINS = 12;

/** Time between two renewals of leases of this length. */
export const renewEveryMs = (leaseMs: number): number => Math.min(MAX_RENEW_MS, leaseMs / RENEWALS);

/** How long a lease of this length may be trusted, from the start of the call that took or renewed it. */
export const trustMs = (leaseMs: number): number => leaseMs - Math.min(MARGIN_MS, leaseMs / MARGINS);
