/** By what the history keeps series: by stored queue, type of task, business, or host of callbacks. */
export type HistoryBy = 'queue' | 'type' | 'business' | 'host';
export const HISTORY_BY: readonly HistoryBy[] = ['queue', 'type', 'business', 'host'];
export type HistoryStep = 'minute' | 'hour';

/** Length of a step, ms. */
export const HISTORY_STEP_MS: Readonly<Record<HistoryStep, number>> = { minute: 60_000, hour: 3_600_000 };
/** How many steps are kept: minutes for 25 hours, hours for 32 days. */
export const HISTORY_KEPT: Readonly<Record<HistoryStep, number>> = { minute: 25 * 60, hour: 32 * 24 };
/** A minute takes reports until this time after its end, ms. */
export const REPORT_GRACE_MS = 3_000;
/** A report that no `put` has taken up is dropped after this time, minutes. */
export const REPORTS_KEPT = 60;

/** What one process has counted in one minute so far. */
export interface HistoryReport {
  /** Minutes since 1970, by the broker's clock. */
  readonly minute: number;
  /** Names one process and no other: 1 to 128 characters. */
  readonly process: string;
  /** Packed by the history. Brokers do not read it. */
  readonly data: Uint8Array;
}

/** All series of one kind in one step. */
export interface HistoryPage {
  readonly by: HistoryBy;
  readonly step: HistoryStep;
  /** Minutes or hours since 1970, by the broker's clock. */
  readonly at: number;
  /** Packed by the history. Brokers do not read it. */
  readonly data: Uint8Array;
}

/** Where the history stands. */
export interface HistoryState {
  /** Grows with each `put`; 0 = there was none. */
  readonly version: number;
  /** The broker's time, wall-clock ms. */
  readonly nowMs: number;
  /** The minute of the last `put`; null = there was none. */
  readonly minute: number | null;
  /** The hour of the last `put` that had one; null = there was none. */
  readonly hour: number | null;
  /** By stored queue: what the history last knew of it, packed by the history. */
  readonly baselines: ReadonlyMap<string, Uint8Array>;
}

/** What one instance writes for all. */
export interface HistoryPut {
  /** Of the state that it was made from. */
  readonly version: number;
  /** All reports up to this minute are in the pages; they are dropped. */
  readonly minute: number;
  /** Null = the hour stays as it is. */
  readonly hour: number | null;
  /** A page replaces what was stored of its step. */
  readonly pages: readonly HistoryPage[];
  /** Baselines that have changed, by stored queue. */
  readonly baselines: ReadonlyMap<string, Uint8Array>;
  /** Stored queues whose baselines are dropped. */
  readonly removed: readonly string[];
}

/** Asks for pages. */
export interface HistoryRange {
  readonly by: HistoryBy;
  readonly step: HistoryStep;
  /** The first minute or hour. */
  readonly from: number;
  /** The one behind the last. */
  readonly to: number;
}

/**
 * The figures of the past, as packed pages: docs/design/engine.md#history. Each process reports what it has counted; one of them makes
 * pages of that and of the queues' totals. Which one does it is not checked: `put` writes only on the state that it was made
 * from, hence nothing is counted twice.
 */
export interface History {
  /**
   * Replaces what this process has reported of the minute. False = the minute has ended by the broker's clock, more than
   * `REPORT_GRACE_MS` ago, and nothing was written.
   */
  report(report: HistoryReport): Promise<boolean>;
  /** The reports that no `put` has taken up, of the last `REPORTS_KEPT` minutes; those of the present one are among them. */
  reports(): Promise<HistoryReport[]>;
  state(): Promise<HistoryState>;
  /** Writes everything or nothing. False = the version is another one by now: somebody else was faster. */
  put(put: HistoryPut): Promise<boolean>;
  /** The pages that are still kept, oldest first. */
  pages(range: HistoryRange): Promise<HistoryPage[]>;
}
