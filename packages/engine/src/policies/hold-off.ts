/** What a recoverer remembers of its scans of a queue; all ms. */
export interface ScanMemory {
  readonly lastMs: number | null;
  readonly untilMs: number;
  /** Hold-offs in a row. */
  readonly holds: number;
}

export const FIRST_SCAN: ScanMemory = { lastMs: null, untilMs: 0, holds: 0 };

const SCAN_MS = 750;
const RENEW_MS = 1_500;
/** A process that is stopped again and again must not hold recovery off for ever. */
const MAX_HOLD_OFFS = 3;

/**
 * Whether a scan at `nowMs` may take leases back. After a pause of the broker or its process every lease looks
 * expired; live workers get the time to renew first (reliability F.4). The Redis script does the same.
 */
export function nextScan(memory: ScanMemory, nowMs: number): { held: boolean; memory: ScanMemory } {
  let { untilMs, holds } = memory;
  if (memory.lastMs !== null && nowMs - memory.lastMs > 3 * SCAN_MS) {
    holds += 1;
    if (holds <= MAX_HOLD_OFFS) untilMs = nowMs + RENEW_MS + 1_000;
  } else if (nowMs >= untilMs) {
    holds = 0;
  }
  return { held: nowMs < untilMs, memory: { lastMs: nowMs, untilMs, holds } };
}
