import type { Events } from './attempts.ts';
import type { Held, HeldTask } from './held.ts';
import type { Does, Line } from './history.ts';

type Call = Extract<Line, { e: 'call' }>;

/** A task that took this many workers with it is archived (reliability F.1). */
const POISON = 3;
/** Payloads whose end depends on more than themselves. */
const MISDEEDS: readonly (keyof Does)[] = ['block', 'hang', 'kill', 'exit', 'oom', 'uncaught', 'unhandled'];

const isPoison = ({ state, crashes }: HeldTask) => state === 'archived' && crashes >= POISON;

/** What a Go worker lost is a failed attempt, as Asynq counts it, with an error. */
const countedAs = ({ outcome, error }: HeldTask['attempts'][number]) =>
  outcome === 'lost' && error ? 'failed' : outcome;

const countOf = ({ attempts }: HeldTask, outcome: string) =>
  attempts.filter((one) => countedAs(one) === outcome).length;

/** How many failures its payload asks for; null = that cannot be told. */
function failuresOf({ does, maxRetries }: Call): number | null {
  if (MISDEEDS.some((name) => does[name] !== undefined)) return null;
  const always = does.throw !== undefined || does.odd !== undefined;
  const fails = always ? Infinity : (does.fail ?? 0);
  return Math.min(fails, maxRetries + 1);
}

/** What is wrong with a task's own books. */
function faultsOf(task: HeldTask, call: Call): string[] {
  const faults: string[] = [];
  const [successes, lost] = ['succeeded', 'lost'].map((outcome) => countOf(task, outcome));
  const final = task.state === 'completed' || task.state === 'archived';
  if (!final) return [`it ended ${task.state}`];
  if (task.state === 'completed' && successes !== 1) faults.push(`${successes} successes are recorded`);
  if (task.state === 'archived' && successes !== 0) faults.push('it is archived with a success');
  if (lost !== task.crashes) faults.push(`${lost} lost attempts are recorded, ${task.crashes} counted`);
  const wanted = failuresOf(call);
  if (wanted === null || isPoison(task)) return faults;
  // What was taken for a Go worker's uses up a retry without a failure of the handler.
  const own = task.attempts.filter(({ outcome }) => outcome === 'failed').length;
  if (own !== wanted) faults.push(`${own} failures are recorded instead of ${wanted}`);
  const end = wanted > call.maxRetries ? 'archived' : 'completed';
  if (task.state !== end) faults.push(`it is ${task.state} instead of ${end}`);
  return faults;
}

function resultOf(task: HeldTask): { by?: string; attempt?: number } | null {
  try {
    return task.result
      ? (JSON.parse(Buffer.from(task.result).toString()) as { by: string; attempt: number })
      : null;
  } catch {
    return {};
  }
}

/** The result must be that of an attempt that ended well and was not told that it had lost its lease. */
function resultFault(task: HeldTask, { byTask }: Events): string[] {
  if (task.state !== 'completed') return [];
  const result = resultOf(task);
  // The number of an attempt that a failover has undone is given once more.
  const owners = (byTask.get(task.id) ?? []).filter(
    ({ member, number }) => member === result?.by && number === result.attempt,
  );
  const well = owners.filter(({ end }) => end?.outcome === 'ok');
  if (well.length === 0) return ['its result is of no attempt that ended well'];
  if (well.every(({ told }) => told?.outcome === 'lost'))
    return ['its result is of an attempt that had lost its lease'];
  return [];
}

/** More than one end that the broker took. */
function endsFault(id: string, { byTask }: Events): string[] {
  const ends = (byTask.get(id) ?? []).filter(
    ({ told }) => told?.outcome === 'succeeded' || told?.outcome === 'archived',
  );
  return ends.length > 1 ? [`the broker took ${ends.length} final ends`] : [];
}

/** Effectively-once bookkeeping (I3): each task's own books, and the sums. */
export function bookkeepingFaults(
  held: Held,
  { calls, events, rolledBack }: { calls: ReadonlyMap<string, Call>; events: Events; rolledBack: boolean },
): string[] {
  const faults: string[] = [];
  let processed = 0;
  let failed = 0;
  for (const task of held.tasks.values()) {
    const call = calls.get(task.id);
    if (!call) continue;
    const own = [
      ...faultsOf(task, call),
      ...resultFault(task, events),
      ...(rolledBack ? [] : endsFault(task.id, events)),
    ];
    faults.push(...own.map((fault) => `task ${task.id}: ${fault}`));
    const failures = countOf(task, 'failed') + (isPoison(task) ? 1 : 0);
    failed += failures;
    processed += failures + countOf(task, 'succeeded');
  }
  if (held.failed !== failed) faults.push(`${held.failed} failures are counted, ${failed} recorded`);
  if (held.processed !== processed)
    faults.push(`${held.processed} attempts are counted, ${processed} recorded`);
  return faults;
}
