import type { FINAL_STATES } from '../states.ts';

/** A task of a fire whose end is not known yet. */
export interface OpenRun {
  /** The stored ID of the task. */
  readonly id: string;
  /** The logical time of its fire. */
  readonly fireMs: number;
  /** When it was made. */
  readonly firedMs: number;
  /** When it should have ended at the latest. From then on its state is looked up again and again. */
  readonly deadlineMs: number;
  /**
   * A person asked for it. Its end becomes a line of the history as any other. Otherwise it is nobody's business: no fire waits
   * for it, `from: end` does not count from it, and it is not one of `max_runs`.
   */
  readonly isManual?: true;
  /** What became of the tasks of the same fire that have ended before. */
  readonly ended?: RunEnd;
}

/** How a task ended. `gone`: it is no longer stored, as after a success with a retention of 0. */
export type EndState = (typeof FINAL_STATES)[number] | 'gone';

/** How a run ended: a line of the history, which outlives the tasks. With shards the first ID, the worst state, the last end. */
export interface RunEnd {
  readonly fireMs: number;
  readonly id: string;
  readonly state: EndState;
  readonly endMs: number;
  /** From the fire to the end. */
  readonly durationMs: number;
}

/**
 * What has become of a schedule's fires: JSON beside its specification, written by schedulers alone. All times are wall-clock ms
 * by the broker's clock.
 */
export interface Ledger {
  /** The broker raises it with each write, and stores a plan only if it is still the one that was planned with. */
  readonly version: number;
  /** The revision of the specification that it was last written for. */
  readonly revision: number;
  /** The version of the calendar that it was last written for; null = none. */
  readonly calendarVersion: number | null;
  /** Every fire up to here is decided: made, waiting or left out. */
  readonly decidedToMs: number;
  /** The logical time of the last fire that was decided; null = none was. */
  readonly lastFireMs: number | null;
  /** The next fire, as it was planned; null = none, or the end of a run decides. */
  readonly nextFireMs: number | null;
  /** Fires made. */
  readonly runs: number;
  readonly skipsLeft: number;
  /** The `skipSetMs` of the specification that `skipsLeft` was taken from. */
  readonly skipSetMs: number;
  /** At most `MAX_OPEN_RUNS`, the oldest first. */
  readonly open: readonly OpenRun[];
  /** Logical times of fires that wait for the end of a run, at most `MAX_WAITING_FIRES`, the oldest first. */
  readonly waiting: readonly number[];
  /** What `from: end` counts from: the end of the last run, or when a fire was left out; null = nothing has run. */
  readonly lastEndMs: number | null;
  /** The newest fire that the queue has refused and that is still due; null = none. */
  readonly refusedMs: number | null;
  /**
   * Fires that were due by then are not yet misfires, and grace counts from here: there were more than one plan may have, or the
   * queue refused what was made up for. Null = grace counts from each fire.
   */
  readonly graceFromMs: number | null;
}
