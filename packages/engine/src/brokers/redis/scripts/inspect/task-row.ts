import { textOf, textOrNull } from '../reply.ts';

/** A task's fields as they are stored. */
export interface TaskRow {
  readonly id: string;
  readonly message: Buffer | null;
  readonly state: string | null;
  readonly meta: string | null;
  /** `tc:a` */
  readonly attemptState: string | null;
  /** `tc:x` */
  readonly history: string | null;
  /** `tc:d` */
  readonly due: string | null;
  /** `tc:s` */
  readonly ownState: string | null;
  /** `tc:c` */
  readonly cancelNote: string | null;
  readonly result: Buffer | null;
  readonly pendingSince: string | null;
  /** Active, with a lease that is over. */
  readonly leaseIsOver: boolean;
  /** Of the state's sorted set, s; null where it is no time. */
  readonly score: number | null;
}

export type RawRow = readonly unknown[];

/** The last second that is a date. */
const LAST_S = 8_640_000_000_000;

/** A score as a time; what is no date is none. */
function scoreOf(text: string | null): number | null {
  const seconds = Number(text ?? Number.NaN);
  return Math.abs(seconds) <= LAST_S ? seconds : null;
}

export function rowOf(raw: RawRow): TaskRow {
  return {
    id: textOf(raw[11]),
    message: raw[0] as Buffer | null,
    state: textOrNull(raw[1]),
    meta: textOrNull(raw[2]),
    attemptState: textOrNull(raw[3]),
    history: textOrNull(raw[4]),
    due: textOrNull(raw[5]),
    ownState: textOrNull(raw[6]),
    cancelNote: textOrNull(raw[7]),
    result: raw[8] as Buffer | null,
    pendingSince: textOrNull(raw[9]),
    leaseIsOver: raw[12] === 1,
    score: scoreOf(textOrNull(raw[10])),
  };
}
