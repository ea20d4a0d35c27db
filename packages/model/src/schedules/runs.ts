// The runs of a schedule: what is done with its ledger when tasks were made, and when they have ended.
import { MAX_OPEN_RUNS, type ScheduleSpec } from './spec.ts';
import type { EndState, Ledger, OpenRun, RunEnd } from './ledger.ts';

/** The end of a task, as it was found. */
export interface FoundEnd {
  /** The stored ID of the task. */
  readonly id: string;
  readonly state: EndState;
  /** When it ended; for one that is gone, when that was seen. */
  readonly endMs: number;
}

/** What the ends of tasks mean for their schedule. */
export interface EndedRuns {
  readonly ledger: Ledger;
  /** Runs whose last task has now ended: lines of the history. */
  readonly ends: readonly RunEnd[];
  /** The schedule has waited for this: look at it now, and not only at its next fire. */
  readonly isAwaited: boolean;
}

/** From the best to the worst: a run of several tasks ended as the worst of them. */
const BY_BADNESS: readonly EndState[] = ['completed', 'gone', 'cancelled', 'archived'];

const isPlanned = ({ isManual }: OpenRun): boolean => isManual !== true;

/** Whether a run that was planned is not final yet. Runs that a person asked for stop no fire. */
export const hasOpenRun = ({ open }: Pick<Ledger, 'open'>): boolean => open.some(isPlanned);

/** Whether something will happen as soon as the open runs have ended: a fire waits, or the next one counts from that end. */
export function waitsForEnd({ times }: Pick<ScheduleSpec, 'times'>, ledger: Ledger): boolean {
  if (!hasOpenRun(ledger)) return false;
  return ledger.waiting.length > 0 || (times.kind === 'every' && times.from === 'end');
}

/**
 * Whether a plan depends on the open runs: their states must be looked up before it is made. With `allow` nobody asks for
 * them.
 */
export const needsStates = (spec: Pick<ScheduleSpec, 'times' | 'overlap'>, ledger: Ledger): boolean =>
  waitsForEnd(spec, ledger) || (spec.overlap !== 'allow' && hasOpenRun(ledger));

/**
 * The ledger with tasks that were made. It keeps 64 of them: for the rest the history will not tell how they ended. Those
 * that a person asked for are dropped first, then the oldest; the newest fire always keeps all of its tasks.
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

const isSameRun = (a: OpenRun, b: OpenRun): boolean =>
  a.fireMs === b.fireMs && a.firedMs === b.firedMs && a.isManual === b.isManual;

/** The end of a run that several of its tasks make: the first ID (they are in the order of time), the worst state, the last end. */
function joinEnds(a: RunEnd | undefined, b: RunEnd): RunEnd {
  if (a === undefined) return b;
  const isWorse = BY_BADNESS.indexOf(a.state) > BY_BADNESS.indexOf(b.state);
  const last = a.endMs > b.endMs ? a : b;
  return { ...last, id: a.id < b.id ? a.id : b.id, state: isWorse ? a.state : b.state };
}

function endOf({ id, fireMs, firedMs, ended }: OpenRun, { state, endMs }: FoundEnd): RunEnd {
  return joinEnds(ended, { fireMs, id, state, endMs, durationMs: Math.max(0, endMs - firedMs) });
}

/**
 * Takes the ends of tasks into the ledger. The end of the last task of a fire is the end of the run. IDs that it does not have
 * are left alone: an end may be told twice.
 */
export function withEndedRuns(
  { spec, ledger }: { readonly spec: Pick<ScheduleSpec, 'times'>; readonly ledger: Ledger },
  found: readonly FoundEnd[],
): EndedRuns {
  const ends: RunEnd[] = [];
  let { open, lastEndMs } = ledger;
  for (const one of found) {
    const run = open.find(({ id }) => id === one.id);
    if (run === undefined) continue;
    const end = endOf(run, one);
    open = open.filter((other) => other !== run);
    const sibling = open.find((other) => isSameRun(other, run));
    if (sibling !== undefined) {
      const ended = joinEnds(sibling.ended, end);
      open = open.map((other) => (other === sibling ? { ...sibling, ended } : other));
      continue;
    }
    ends.push(end);
    if (isPlanned(run)) lastEndMs = Math.max(lastEndMs ?? end.endMs, end.endMs);
  }
  const after = { ...ledger, open, lastEndMs };
  return { ledger: after, ends, isAwaited: waitsForEnd(spec, ledger) && !hasOpenRun(after) };
}
