import { eventsOf, type Events } from './attempts.ts';
import { bookkeepingFaults } from './bookkeeping.ts';
import type { BrokerContent } from './held.ts';
import type { Line } from './history.ts';
import { overlapMs } from './overlap.ts';
import { histogram, recoveryMs, resumeMs, type Histogram } from './recovery.ts';
import { rerunsIn, unfenced, type FoundRerun, type Rerun } from './reruns.ts';

/** What an experiment allows; everything else is a violation. */
export interface Allowed {
  /** Why tasks may run again. Default: for no reason. */
  readonly duplicates?: readonly Rerun[];
  /** Acknowledged tasks may be lost, as no durability was asked for. Their number is reported. */
  readonly losses?: boolean;
  /** Attempts may overlap: a lease that a failover has undone is given again while its worker still trusts it. Reported. */
  readonly overlaps?: boolean;
  /** Processes may end by themselves, as tasks make them. */
  readonly crashes?: boolean;
  /** Longest recovery of a task that a member held, ms. */
  readonly recoveryMs?: number;
  /** Longest time from a heal of the broker to the next start of a task, ms. */
  readonly resumeMs?: number;
}

/** What came out, without what it means. */
export interface Verdict {
  readonly violations: readonly string[];
  readonly tasks: {
    readonly attempted: number;
    readonly acked: number;
    readonly unknown: number;
    readonly refused: number;
    /** Acknowledged and gone. */
    readonly lost: number;
    /** Of unknown outcome, and there. */
    readonly recovered: number;
    readonly completed: number;
    readonly archived: number;
  };
  /** Runs beyond those that failures explain, by reason. */
  readonly reruns: Readonly<Partial<Record<Rerun, number>>>;
  /** Ends that the broker refused, as the lease was gone; attempts that were aborted before are not among them. */
  readonly staleEnds: number;
  readonly overlapMs: number;
  readonly recovery: Histogram | null;
  readonly resume: Histogram | null;
  /** Events of the engines, by name. */
  readonly engine: Readonly<Record<string, number>>;
  /** What it found. */
  readonly fsck: readonly string[];
}

/** What producers were told. */
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
  // A call under way when its producer was killed was told nothing; one that was tried again counts as told last.
  for (const id of answers.calls.keys()) {
    if (answers.acked.has(id)) answers.unknown.delete(id);
    else if (answers.unknown.has(id)) answers.refused.delete(id);
    else if (!answers.refused.has(id)) answers.unknown.add(id);
  }
  return answers;
}

const MAX_SHOWN = 5;

/** A violation for some of the IDs, so that a broken run can still be read. */
function about(ids: readonly string[], what: string): string[] {
  if (ids.length === 0) return [];
  const shown = ids.slice(0, MAX_SHOWN).join(', ');
  return [`${ids.length} ${what}: ${shown}${ids.length > MAX_SHOWN ? ', …' : ''}`];
}

/** I1, and I9: what was refused is not there. */
function wrongTasks(
  answers: ProducerAnswers,
  held: BrokerContent,
  { byTask }: Events,
): { lost: string[]; faults: string[] } {
  const there = (id: string) => held.tasks.has(id);
  const lost = [...answers.acked].filter((id) => !there(id));
  const known = (id: string) => answers.calls.has(id);
  const strange = [...held.tasks.keys(), ...byTask.keys()].filter((id) => !known(id));
  const refused = [...answers.refused].filter((id) => there(id) || byTask.has(id));
  return {
    lost,
    faults: [
      ...about([...new Set(strange)], 'tasks that nobody enqueued (unexpected)'),
      ...about(refused, 'refused tasks were stored all the same (I9)'),
    ],
  };
}

function rerunFaults(reruns: readonly FoundRerun[], allowed: readonly Rerun[]): string[] {
  const shown = ({ before, again }: FoundRerun) =>
    `${again.id} (${before.member} attempt ${before.number}, then ${again.member} attempt ${again.number})`;
  const wrong = reruns.filter(({ reason }) => !allowed.includes(reason));
  return [...new Set(wrong.map(({ reason }) => reason))].flatMap((reason) =>
    about(wrong.filter((one) => one.reason === reason).map(shown), `runs too many (${reason})`),
  );
}

/** I8 */
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

const tooLong = (found: Histogram | null, limitMs: number | undefined, what: string): string[] =>
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
 * Judges a run by the invariants of the paper (reliability D): I1 lost, I2 and I3 books, I4 overlap, I7 counters and
 * fsck, I8 processes, I9 truth of what producers were answers.
 *
 * @param lines of all members and of the test, in any order
 */
export function judge(unordered: readonly Line[], held: BrokerContent, allowed: Allowed = {}): Verdict {
  const lines = [...unordered].sort((a, b) => a.t - b.t);
  const answers = answersIn(lines);
  const events = eventsOf(lines);
  const reruns = rerunsIn(events);
  const overlap = overlapMs(events);
  const { lost, faults } = wrongTasks(answers, held, events);
  const recovery = histogram(recoveryMs(lines, events));
  const resume = histogram(resumeMs(lines, events));
  const duplicates = allowed.duplicates ?? [];
  const stored = [...held.tasks.values()];
  const books = { calls: answers.calls, events, rolledBack: duplicates.includes('rolled-back') };
  const engine = lines.flatMap((line) => (line.e === 'event' ? [line.name] : []));
  return {
    violations: [
      ...(allowed.losses === true ? [] : about(lost, 'acknowledged tasks are lost (I1)')),
      ...faults,
      ...bookkeepingFaults(held, books).slice(0, MAX_SHOWN),
      ...rerunFaults(reruns, duplicates),
      ...about(
        unfenced(reruns).map(({ id }) => id),
        'ends of attempts were taken though another had begun (I3)',
      ),
      // Of a lease that the broker has forgotten its worker hears at the next renewal.
      ...(overlap > 0 && allowed.overlaps !== true && !books.rolledBack
        ? [`valid leases overlapped for ${overlap.toFixed(1)} ms (I4)`]
        : []),
      ...(allowed.crashes === true ? [] : processFaults(lines)),
      ...tooLong(recovery, allowed.recoveryMs, 'the recovery of a task'),
      ...tooLong(resume, allowed.resumeMs, 'the next start after a heal'),
      ...held.fsck.map((fault) => `fsck (I7): ${fault}`),
    ],
    tasks: {
      ...countAnswers(answers),
      lost: lost.length,
      recovered: [...answers.unknown].filter((id) => held.tasks.has(id)).length,
      completed: stored.filter(({ state }) => state === 'completed').length,
      archived: stored.filter(({ state }) => state === 'archived').length,
    },
    reruns: countBy(reruns.map(({ reason }) => reason)),
    staleEnds: staleEnds(events),
    overlapMs: Math.round(overlap),
    recovery,
    resume,
    engine: countBy(engine) as Record<string, number>,
    fsck: held.fsck,
  };
}
