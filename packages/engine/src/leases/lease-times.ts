/** Length of a lease (reliability F.1), and Asynq's (protocol 4.9). */
export const LEASE_MS = 6_000;
export const ASYNQ_LEASE_MS = 30_000;

/** Renewals in a lease's length, and the longest time between them, as Asynq's. */
const RENEWALS = 4;
const MAX_RENEW_MS = 5_000;
/** What is kept back for doubt, at most a twelfth of the length (reliability F.2). */
const MARGIN_MS = 500;
const MARGINS = 12;

/** How often leases of this length are renewed. */
export const renewEveryMs = (leaseMs: number): number => Math.min(MAX_RENEW_MS, leaseMs / RENEWALS);

/** For how long, from the start of the call that made it, a lease of this length may be trusted. */
export const trustMs = (leaseMs: number): number => leaseMs - Math.min(MARGIN_MS, leaseMs / MARGINS);
