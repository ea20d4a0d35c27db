// What a recoverer decides by: when it scans for tasks of lost workers, and what such a loss means for a task.

/** Time between two scans for lost tasks. It is part of the 8.3 s within which a dead worker's task runs again. */
export const SCAN_MS = 750;
/** When a task that is lost with its workers again and again is archived: it would kill every worker in turn. */
export interface PoisonLimits {
  /** Crashes in a row: losses while it ran alone, which is why only it can have caused them. */
  readonly crashes: number;
  /** Losses in any company. */
  readonly losses: number;
}

export const POISON_LIMITS: PoisonLimits = { crashes: 3, losses: 10 };
/**
 * From this number of losses on a task is suspected of killing its process. It then runs alone, which shows whether it does:
 * tasks beside it are not blamed for its crashes, nor it for theirs.
 */
export const SUSPECT_LOSSES = 2;

/** What a task's loss makes of it. */
export interface Losses {
  /** Attempts lost with their worker, with this one. */
  readonly losses: number;
  /** How many of them were crashes in a row. */
  readonly crashes: number;
  readonly isPoison: boolean;
}

/**
 * Counts a loss. Only one that is a crash itself can make poison by the number of crashes. The script `recover.lua` decides by
 * the same rule.
 *
 * @param before the counts so far
 * @param isAlone whether the task ran alone when its worker was lost
 */
export function countLoss(
  before: { readonly losses: number; readonly crashes: number },
  isAlone: boolean,
  limits: PoisonLimits,
): Losses {
  const losses = before.losses + 1;
  const crashes = before.crashes + (isAlone ? 1 : 0);
  return { losses, crashes, isPoison: losses >= limits.losses || (isAlone && crashes >= limits.crashes) };
}

/** The error of a task that is archived as poison. The script `recover.lua` writes the same. */
export const poisonText = ({ losses, crashes }: Losses): string =>
  `poison: lost its worker ${losses} times${crashes > 0 ? `, ${crashes} times while it ran alone` : ''}`;

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
 *
 * @param idleMs when a survey last found that nothing was leased, ms. It counts as a scan: what is leased now was leased
 *   after it.
 */
export function nextScan(
  memory: ScanMemory,
  nowMs: number,
  idleMs = -Infinity,
): { isHeldOff: boolean; memory: ScanMemory } {
  let { untilMs, holdOffs } = memory;
  if (memory.lastMs !== null && nowMs - Math.max(memory.lastMs, idleMs) > 3 * SCAN_MS) {
    holdOffs += 1;
    if (holdOffs <= MAX_HOLD_OFFS) untilMs = nowMs + RENEW_INTERVAL_MS + 1_000;
  } else if (nowMs >= untilMs) {
    holdOffs = 0;
  }
  return { isHeldOff: nowMs < untilMs, memory: { lastMs: nowMs, untilMs, holdOffs } };
}
