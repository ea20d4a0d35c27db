// The runs of a schedule: what is done with its ledger when tasks were made, and when they have ended.
import { isFromEnd, MAX_OPEN_RUNS, type ScheduleSpec } from './spec.ts';
import type { Ledger, OpenRun } from './ledger.ts';

/** The end of a task, as it was found: whichever end it was, the next fire does not depend on it. */
export interface FoundEnd {
  /** The stored ID of the task. */
  readonly id: string;
  /** When it ended; for one that has vanished, when that was seen. */
  readonly endMs: number;
}

/** What the ends of tasks mean for their schedule. */
export interface EndedRuns {
  readonly ledger: Ledger;
  /** The schedule has waited for this: look at it now, and not only at its next fire. */
  readonly isAwaited: boolean;
}

const isPlanned = ({ isManual }: OpenRun): boolean => isManual !== true;

/** Whether a run that was planned is not final yet. Runs that a person asked for stop no fire. */
export const hasOpenRun = ({ open }: Pick<Ledger, 'open'>): boolean => open.some(isPlanned);

/** Whether something will happen as soon as the open runs have ended: a fire waits, or the next one counts from that end. */
export function waitsForEnd({ times }: Pick<ScheduleSpec, 'times'>, ledger: Ledger): boolean {
  if (!hasOpenRun(ledger)) return false;
  return ledger.waiting.length > 0 || isFromEnd({ times });
}

/**
 * Whether a plan depends on the open runs: their states must be looked up before it is made. With `allow` nobody asks for
 * them.
 */
export const needsStates = (spec: Pick<ScheduleSpec, 'times' | 'overlap'>, ledger: Ledger): boolean =>
  waitsForEnd(spec, ledger) || (spec.overlap !== 'allow' && hasOpenRun(ledger));

/**
 * The ledger with tasks that were made. It keeps 64 of them, and no longer looks for the ends of the rest. Those that a person
 * asked for are dropped first, then the oldest; the newest fire always keeps all of its tasks.
 */
export function withOpenRuns(ledger: Ledger, runs: readonly OpenRun[]): Ledger {
  const open = [...ledger.open, ...runs];
  const excess = open.length - MAX_OPEN_RUNS;
  if (excess <= 0) return { ...ledger, open };
  const dropped = new Set(
    [...open.filter((run) => !isPlanned(run)), ...open.filter(isPlanned)].slice(0, excess),
  );
  return { ...ledger, open: open.filter((run) => !dropped.has(run)) };
}

/** Takes the ends of tasks into the ledger. IDs that it does not have are left alone: an end may be told twice. */
export function withEndedRuns(
  { spec, ledger }: { readonly spec: Pick<ScheduleSpec, 'times'>; readonly ledger: Ledger },
  ends: readonly FoundEnd[],
): EndedRuns {
  const endById = new Map(ends.map(({ id, endMs }) => [id, endMs]));
  const open = ledger.open.filter(({ id }) => !endById.has(id));
  if (open.length === ledger.open.length) return { ledger, isAwaited: false };
  const endsMs = ledger.open.filter(isPlanned).flatMap(({ id }) => endById.get(id) ?? []);
  const lastEndMs = endsMs.length === 0 ? ledger.lastEndMs : Math.max(ledger.lastEndMs ?? 0, ...endsMs);
  const after = { ...ledger, open, lastEndMs };
  return { ledger: after, isAwaited: waitsForEnd(spec, ledger) && !hasOpenRun(after) };
}
