/** A task of a fire whose end is not known yet. */
export interface OpenRun {
  /** The stored ID of the task. */
  readonly id: string;
  /** The logical time of its fire. */
  readonly fireMs: number;
  /** When it should have ended at the latest. From then on its end is looked for again and again. */
  readonly deadlineMs: number;
  /**
   * A person asked for it. The history tells how it ended, as of any other run. Otherwise it is nobody's business: no fire waits
   * for it, `from: end` does not count from it, and it is not one of `max_runs`.
   */
  readonly isManual?: true;
}

/**
 * What has become of a schedule's fires: JSON beside its specification, written by schedulers alone. Times are wall-clock ms by the
 * broker's clock.
 */
export interface Ledger {
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
  /** Fires made, those that a person asked for not counted. */
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
  /** Former times up to here are forgotten: the clock was set back far since they held. Left out = none are. */
  readonly formerForgottenMs?: number;
  /** Since when the queue refuses the fires that wait. Left out = it does not. */
  readonly waitRefusedMs?: number;
  /** The `traceparent` of the last fire that was made with a span: the next one links to it. Left out = none was. */
  readonly fireTrace?: string;
}
