import type { Events } from './attempts.ts';
import type { BrokerContent, StoredTask } from './broker-content.ts';
import type { Does, Line } from './history.ts';

type Call = Extract<Line, { e: 'call' }>;

/** Payload fields that make the outcome depend on more than the payload. */
const MISDEEDS: readonly (keyof Does)[] = ['block', 'hang', 'kill', 'exit', 'oom', 'uncaught', 'unhandled'];

/** It was lost with its workers again and again; see docs/design/engine.md#crash-isolation. */
export const isPoison = ({ state, lastError }: StoredTask): boolean =>
  state === 'archived' && lastError?.message.startsWith('poison: ') === true;

/** An attempt lost by a Go worker has an error. Asynq, and we with it, count it as a failure. */
const countedAs = ({ outcome, error }: StoredTask['attempts'][number]) =>
  outcome === 'lost' && error ? 'failed' : outcome;

export const countOf = ({ attempts }: StoredTask, outcome: string) =>
  attempts.filter((attempt) => countedAs(attempt) === outcome).length;

/** How many failures the payload causes; null = unpredictable. */
function failuresOf({ does, maxRetries }: Call): number | null {
  if (MISDEEDS.some((name) => does[name] !== undefined)) return null;
  const always = does.throw !== undefined || does.throwUnusual !== undefined;
  const fails = always ? Infinity : (does.fail ?? 0);
  return Math.min(fails, maxRetries + 1);
}

/** Somebody must have asked for it, and an attempt that succeeded would have come first. */
function cancelFaults({ cancelled = null }: StoredTask, successes: number): string[] {
  if (cancelled === null) return ['it is cancelled, and nobody has asked for that'];
  return successes === 0 ? [] : ['it is cancelled with a success'];
}

/** Contradictions in the stored record of one task. */
function faultsOf(task: StoredTask, call: Call): string[] {
  const faults: string[] = [];
  const [successes, lost] = ['succeeded', 'lost'].map((outcome) => countOf(task, outcome));
  const final = task.state === 'completed' || task.state === 'archived' || task.state === 'cancelled';
  if (!final) return [`it ended ${task.state}`];
  if (task.state === 'cancelled') return cancelFaults(task, successes ?? 0);
  if (task.state === 'completed' && successes !== 1) faults.push(`${successes} successes are recorded`);
  if (task.state === 'archived' && successes !== 0) faults.push('it is archived with a success');
  if (lost !== task.crashes) faults.push(`${lost} lost attempts are recorded, ${task.crashes} counted`);
  const expected = failuresOf(call);
  if (expected === null || isPoison(task)) return faults;
  // A task recovered from a Go worker uses up a retry without a failure of its handler.
  const failures = task.attempts.filter(({ outcome }) => outcome === 'failed').length;
  if (failures !== expected) faults.push(`${failures} failures are recorded instead of ${expected}`);
  const end = expected > call.maxRetries ? 'archived' : 'completed';
  if (task.state !== end) faults.push(`it is ${task.state} instead of ${end}`);
  return faults;
}

function resultOf(task: StoredTask): { by?: string; attempt?: number } | null {
  try {
    return task.result
      ? (JSON.parse(Buffer.from(task.result).toString()) as { by: string; attempt: number })
      : null;
  } catch {
    return {};
  }
}

/** The result must come from an attempt that succeeded and whose end the broker did not refuse. */
function resultFault(task: StoredTask, { byTask }: Events): string[] {
  if (task.state !== 'completed') return [];
  const result = resultOf(task);
  // After a failover undid an attempt, its number is used again.
  const owners = (byTask.get(task.id) ?? []).filter(
    ({ member, number }) => member === result?.by && number === result.attempt,
  );
  const succeeded = owners.filter(({ end }) => end?.outcome === 'ok');
  if (succeeded.length === 0) return ['no successful attempt returned its result'];
  if (succeeded.every(({ finished }) => finished?.outcome === 'lost'))
    return ['its result comes from an attempt that had lost its lease'];
  return [];
}

/** The broker must accept at most one final end per task. */
function endsFault(id: string, { byTask }: Events): string[] {
  const ends = (byTask.get(id) ?? []).filter(
    ({ finished }) => finished?.outcome === 'succeeded' || finished?.outcome === 'archived',
  );
  return ends.length > 1 ? [`the broker accepted ${ends.length} final ends`] : [];
}

/** Checks effectively-once bookkeeping (I3): the record of each task, and the counters as their sum. */
export function bookkeepingFaults(
  content: BrokerContent,
  { calls, events, rolledBack }: { calls: ReadonlyMap<string, Call>; events: Events; rolledBack: boolean },
): string[] {
  const faults: string[] = [];
  let processed = 0;
  let failed = 0;
  for (const task of content.tasks.values()) {
    const call = calls.get(task.id);
    if (!call) continue;
    const faultsOfTask = [
      ...faultsOf(task, call),
      ...resultFault(task, events),
      ...(rolledBack ? [] : endsFault(task.id, events)),
    ];
    faults.push(...faultsOfTask.map((fault) => `task ${task.id}: ${fault}`));
    const failures = countOf(task, 'failed') + (isPoison(task) ? 1 : 0);
    failed += failures;
    // The attempt that a cancellation ended is counted, also one that was lost.
    const cancelled = task.state === 'cancelled' && task.cancelled?.wasRunning ? 1 : 0;
    processed += failures + countOf(task, 'succeeded') + cancelled;
  }
  if (content.failed !== failed) faults.push(`${content.failed} failures are counted, ${failed} recorded`);
  if (content.processed !== processed)
    faults.push(`${content.processed} attempts are counted, ${processed} recorded`);
  return faults;
}
