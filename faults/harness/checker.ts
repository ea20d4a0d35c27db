import { eventsOf, type Events } from './attempts.ts';
import { bookkeepingFaults } from './bookkeeping.ts';
import type { BrokerContent } from './broker-content.ts';
import { callsOfFires, doubledFires } from './fires.ts';
import type { Line } from './history.ts';
import { overlapMs } from './overlap.ts';
import { histogram, recoveryMs, resumeMs, type Histogram } from './recovery.ts';
import { totalsFaults } from './totals.ts';
import { rerunsIn, unfenced, type FoundRerun, type Rerun } from './reruns.ts';

/** What an experiment allows. Anything else is a violation. */
export interface Allowed {
  /** Reasons for which tasks may run again. Default: none. */
  readonly duplicates?: readonly Rerun[];
  /** Acknowledged tasks may be lost, as no durability was requested. Their number is reported. */
  readonly losses?: boolean;
  /** Attempts may overlap: after a failover a lease may be given again while its first worker trusts it. Reported. */
  readonly overlaps?: boolean;
  /** Processes may end by themselves, as tasks crash them. */
  readonly crashes?: boolean;
  /** Longest allowed recovery of a task that a stopped member was running, ms. */
  readonly recoveryMs?: number;
  /** Longest allowed time from a heal of the broker to the next start of a task, ms. */
  readonly resumeMs?: number;
}

/** The judgement of a run. */
export interface Verdict {
  readonly violations: readonly string[];
  readonly tasks: {
    readonly attempted: number;
    readonly acked: number;
    readonly unknown: number;
    readonly refused: number;
    /** Acknowledged, and gone at the end. */
    readonly lost: number;
    /** Of unknown outcome, and stored at the end. */
    readonly recovered: number;
    readonly completed: number;
    readonly archived: number;
  };
  /** Runs that no failure explains, by reason. */
  readonly reruns: Readonly<Partial<Record<Rerun, number>>>;
  /** Ends that the broker refused, as the lease was gone. Aborted attempts are not counted. */
  readonly staleEnds: number;
  readonly overlapMs: number;
  readonly recovery: Histogram | null;
  readonly resume: Histogram | null;
  /** Events of the engine, by name. */
  readonly engine: Readonly<Record<string, number>>;
  /** Findings of `fsck`. */
  readonly fsck: readonly string[];
}

/** The answers that producers got: IDs by outcome. */
interface ProducerAnswers {
  readonly calls: Map<string, Extract<Line, { e: 'call' }>>;
  readonly acked: Set<string>;
  readonly unknown: Set<string>;
  readonly refused: Set<string>;
}

function answersIn(lines: readonly Line[]): ProducerAnswers {
  const answers: ProducerAnswers = {
    calls: new Map(),
    acked: new Set(),
    unknown: new Set(),
    refused: new Set(),
  };
  for (const line of lines) {
    if (line.e === 'call') answers.calls.set(line.id, line);
    else if (line.e === 'ack') answers.acked.add(line.id);
    else if (line.e === 'unknown') answers.unknown.add(line.id);
    else if (line.e === 'refused') answers.refused.add(line.id);
  }
  // A call in flight when its producer was killed got no answer: unknown. Of several answers the best known one counts.
  for (const id of answers.calls.keys()) {
    if (answers.acked.has(id)) answers.unknown.delete(id);
    else if (answers.unknown.has(id)) answers.refused.delete(id);
    else if (!answers.refused.has(id)) answers.unknown.add(id);
  }
  return answers;
}

const MAX_SHOWN = 5;

/** One violation that names only the first IDs, which keeps the report of a broken run readable. */
function about(ids: readonly string[], what: string): string[] {
  if (ids.length === 0) return [];
  const shown = ids.slice(0, MAX_SHOWN).join(', ');
  return [`${ids.length} ${what}: ${shown}${ids.length > MAX_SHOWN ? ', …' : ''}`];
}

/** I1: acknowledged tasks are stored. I9: refused tasks are not. */
function wrongTasks(
  answers: ProducerAnswers,
  content: BrokerContent,
  { byTask }: Events,
): { lost: string[]; faults: string[] } {
  const isStored = (id: string) => content.tasks.has(id);
  const lost = [...answers.acked].filter((id) => !isStored(id));
  const fired = callsOfFires(content);
  const known = (id: string) => answers.calls.has(id) || fired.has(id);
  const strange = [...content.tasks.keys(), ...byTask.keys()].filter((id) => !known(id));
  const refused = [...answers.refused].filter((id) => isStored(id) || byTask.has(id));
  return {
    lost,
    faults: [
      ...about([...new Set(strange)], 'tasks that no producer enqueued and no schedule made (unexpected)'),
      ...about(refused, 'refused tasks were stored (I9)'),
    ],
  };
}

function rerunFaults(reruns: readonly FoundRerun[], allowed: readonly Rerun[]): string[] {
  const shown = ({ before, again }: FoundRerun) =>
    `${again.id} (${before.member} attempt ${before.number}, then ${again.member} attempt ${again.number})`;
  const wrong = reruns.filter(({ reason }) => !allowed.includes(reason));
  return [...new Set(wrong.map(({ reason }) => reason))].flatMap((reason) =>
    about(wrong.filter((rerun) => rerun.reason === reason).map(shown), `unexpected reruns (${reason})`),
  );
}

/** I8: no process crashes. */
function processFaults(lines: readonly Line[]): string[] {
  return lines.flatMap((line) => {
    if (line.e === 'exit' && !line.isRequested && line.code !== 0)
      return [`${line.of} ended by itself (I8): code ${line.code}, signal ${line.signal}`];
    return line.e === 'crash' ? [`${line.member} (I8): ${line.origin}: ${line.error}`] : [];
  });
}

function staleEnds({ byTask }: Events): number {
  const attempts = [...byTask.values()].flat();
  return attempts.filter(({ finished, abort }) => finished?.outcome === 'lost' && abort === undefined).length;
}

const durationFaults = (found: Histogram | null, limitMs: number | undefined, what: string): string[] =>
  limitMs !== undefined && found !== null && found.max > limitMs
    ? [`${what} took ${found.max} ms; at most ${limitMs} are allowed`]
    : [];

function countBy<T extends string>(names: readonly T[]): Partial<Record<T, number>> {
  const counts: Partial<Record<T, number>> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

const countAnswers = ({ calls, acked, unknown, refused }: ProducerAnswers) => ({
  attempted: calls.size,
  acked: acked.size,
  unknown: unknown.size,
  refused: refused.size,
});

/**
 * Judges a run by the invariants of docs/design/guarantees.md#fault-matrix: I1 no loss, I2 and I3 one end per task and
 * matching counters, I4 no overlap, I5 no fire is made twice, I7 `fsck`, I8 no crash, I9 true answers to producers.
 *
 * @param unordered events of all members and of the test, in any order
 */
export function judge(unordered: readonly Line[], content: BrokerContent, allowed: Allowed = {}): Verdict {
  const lines = [...unordered].sort((a, b) => a.t - b.t);
  const answers = answersIn(lines);
  const events = eventsOf(lines);
  const reruns = rerunsIn(events);
  const overlap = overlapMs(events);
  const { lost, faults } = wrongTasks(answers, content, events);
  const recovery = histogram(recoveryMs(lines, events));
  const resume = histogram(resumeMs(lines, events));
  const duplicates = allowed.duplicates ?? [];
  const stored = [...content.tasks.values()];
  const calls = new Map([...answers.calls, ...callsOfFires(content)]);
  const books = { calls, events, rolledBack: duplicates.includes('rolled-back') };
  const engine = lines.flatMap((line) => (line.e === 'event' ? [line.name] : []));
  return {
    violations: [
      ...(allowed.losses === true ? [] : about(lost, 'acknowledged tasks are lost (I1)')),
      ...faults,
      ...about(doubledFires(content), 'fires were made more than once (I5)'),
      ...bookkeepingFaults(content, books).slice(0, MAX_SHOWN),
      ...(allowed.losses === true ? [] : totalsFaults(content)),
      ...rerunFaults(reruns, duplicates),
      ...about(
        unfenced(reruns).map(({ id }) => id),
        'ends of attempts were accepted after the next attempt had begun (I3)',
      ),
      // When the broker loses a lease, its worker notices only at the next renewal: such an overlap cannot be avoided.
      ...(overlap > 0 && allowed.overlaps !== true && !books.rolledBack
        ? [`valid leases overlapped for ${overlap.toFixed(1)} ms (I4)`]
        : []),
      ...(allowed.crashes === true ? [] : processFaults(lines)),
      ...durationFaults(recovery, allowed.recoveryMs, 'the recovery of a task'),
      ...durationFaults(resume, allowed.resumeMs, 'the next start after a heal'),
      ...content.fsck.map((fault) => `fsck (I7): ${fault}`),
    ],
    tasks: {
      ...countAnswers(answers),
      lost: lost.length,
      recovered: [...answers.unknown].filter((id) => content.tasks.has(id)).length,
      completed: stored.filter(({ state }) => state === 'completed').length,
      archived: stored.filter(({ state }) => state === 'archived').length,
    },
    reruns: countBy(reruns.map(({ reason }) => reason)),
    staleEnds: staleEnds(events),
    overlapMs: Math.round(overlap),
    recovery,
    resume,
    engine: countBy(engine) as Record<string, number>,
    fsck: content.fsck,
  };
}
