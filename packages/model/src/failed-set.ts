// What a failed aggregation makes of the tasks of its set. The prelude `failed-set.lua` decides by the same rule.

/** Failed tries after which a set is taken in halves, or its only task is archived. */
const MAX_SET_TRIES = 3;
const PAUSE_MS = 5_000;
/** The only task of a set is archived in the end: what is wrong has more time to end. */
const PAUSE_OF_ONE_MS = 20_000;

/** What a task in groups remembers of failed sets. */
export interface SetTries {
  /** Failed tries since the last time that its sets became smaller. */
  readonly tries: number;
  /** Most tasks in a set with it; null = no such limit. */
  readonly maxSize: number | null;
}

/** After one more failed try in a set of `size` tasks. Null = it was the last one, and the task is archived. */
export function afterFailedSet({ tries, maxSize }: SetTries, size: number): SetTries | null {
  if (tries + 1 < MAX_SET_TRIES) return { tries: tries + 1, maxSize };
  return size > 1 ? { tries: 0, maxSize: Math.ceil(size / 2) } : null;
}

/** How long the tasks of a failed set wait until they go back to their group. `tries`: failed ones before. */
export const setPauseMs = (tries: number, size: number): number =>
  (size > 1 ? PAUSE_MS : PAUSE_OF_ONE_MS) * 3 ** tries;
