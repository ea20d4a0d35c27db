import { textOf, textOrNull } from '../reply.ts';

/** A task's fields as they are stored. */
export interface TaskRow {
  readonly id: string;
  readonly message: Buffer | null;
  readonly state: string | null;
  readonly meta: string | null;
  /** `tc:a`: attempts, crashes and the like, see `parseAttemptState`. */
  readonly attemptState: string | null;
  /** `tc:x`: a line of JSON per attempt. */
  readonly history: string | null;
  /** `tc:d`: exact start in ms. */
  readonly due: string | null;
  /** `tc:s`: a state that Asynq does not have. */
  readonly ownState: string | null;
  /** `tc:c`: time, reason and author of a cancellation as JSON. */
  readonly cancellation: string | null;
  readonly result: Buffer | null;
  readonly pendingSince: string | null;
  /** `tc:f` and `tc:n`: stacks of the first and of the newest failed attempt. */
  readonly stacks: readonly (string | null)[];
  /** `tc:p`: how far it is, as JSON. */
  readonly progress: string | null;
  /** Active with an expired lease. */
  readonly isLeaseExpired: boolean;
  /** Score in the state's sorted set, s; null if it is no time. */
  readonly score: number | null;
}

/** The values in the order of the prelude `record`. */
export type RawRow = readonly unknown[];

/** The last second that a Date can hold. */
const MAX_DATE_S = 8_640_000_000_000;

/** A score as a time; null if it is beyond all dates. */
function scoreOf(text: string | null): number | null {
  const seconds = Number(text ?? Number.NaN);
  return Math.abs(seconds) <= MAX_DATE_S ? seconds : null;
}

export function parseTaskRow(raw: RawRow): TaskRow {
  const [message, state, meta, attemptState, history, due, ownState, ...rest] = raw;
  const [cancellation, result, pendingSince, progress, ...others] = rest;
  const [firstStack, newestStack, score, id, isLeaseExpired] = others;
  return {
    id: textOf(id),
    message: message as Buffer | null,
    state: textOrNull(state),
    meta: textOrNull(meta),
    attemptState: textOrNull(attemptState),
    history: textOrNull(history),
    due: textOrNull(due),
    ownState: textOrNull(ownState),
    cancellation: textOrNull(cancellation),
    result: result as Buffer | null,
    pendingSince: textOrNull(pendingSince),
    stacks: [textOrNull(firstStack), textOrNull(newestStack)],
    progress: textOrNull(progress),
    isLeaseExpired: isLeaseExpired === 1,
    score: scoreOf(textOrNull(score)),
  };
}
