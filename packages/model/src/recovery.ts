// What a recoverer decides by: when it scans for tasks of lost workers, and what such a loss means for a task.

/** Time between two scans for lost tasks. It is part of the 8.3 s within which a dead worker's task runs again. */
export const SCAN_MS = 750;
/** A task that was lost with this many workers is archived: it would kill every worker in turn. */
export const MAX_CRASHES = 3;
/**
 * From this number of crashes on a task is suspected of killing its process, because one more would archive it. It then
 * runs alone: tasks that run beside it would be blamed as well.
 */
export const SUSPECT_CRASHES = MAX_CRASHES - 1;

/** What a recoverer remembers of its scans of a queue. */
export interface ScanMemory {
  /** Time of the last scan, ms; null = there was none. */
  readonly lastMs: number | null;
  /** Until then scans take no leases back, ms. */
  readonly untilMs: number;
  /** Consecutive hold-offs. */
  readonly holdOffs: number;
}

export const NO_SCAN_YET: ScanMemory = { lastMs: null, untilMs: 0, holdOffs: 0 };

/** Time in which every live worker renews its leases once. */
const RENEW_INTERVAL_MS = 1_500;
/** A bound, because a process that is suspended again and again must not hold recovery off for ever. */
const MAX_HOLD_OFFS = 3;

/**
 * Decides whether a scan at `nowMs` must leave expired leases alone. After a pause of the broker or its process every
 * lease looks expired. Live workers first get the time to renew theirs. The script `expired.lua` decides by the same
 * rule. See docs/design/guarantees.md#hold-off-after-a-stall.
 */
export function nextScan(memory: ScanMemory, nowMs: number): { isHeldOff: boolean; memory: ScanMemory } {
  let { untilMs, holdOffs } = memory;
  if (memory.lastMs !== null && nowMs - memory.lastMs > 3 * SCAN_MS) {
    holdOffs += 1;
    if (holdOffs <= MAX_HOLD_OFFS) untilMs = nowMs + RENEW_INTERVAL_MS + 1_000;
  } else if (nowMs >= untilMs) {
    holdOffs = 0;
  }
  return { isHeldOff: nowMs < untilMs, memory: { lastMs: nowMs, untilMs, holdOffs } };
}
