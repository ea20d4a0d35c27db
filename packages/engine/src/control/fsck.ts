import type { Duration } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import type { Check, Fault, Candidate } from '../broker/check.ts';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { checkBroker, lengthOfTime, flag, listOf, anyText, withMethods } from '../checks/values.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { requireQueue } from './queues.ts';

export interface FsckOptions {
  /** The stored queues to check, such as `orders` and `orders~cb`. Default: all queues that are known. */
  readonly queues?: readonly string[];
  /** Repairs what is found. Default false: nothing is changed. */
  readonly repair?: boolean;
  /** Pause before candidates are examined again. Default 1 s. */
  readonly pause?: Duration;
  /** For tests. Default: the system's clock. */
  readonly clock?: Pick<Clock, 'sleep'>;
}

const checkFsckOptions = createOptionsCheck<FsckOptions>('fsck', {
  queues: listOf(anyText, 'a list of queues'),
  repair: flag,
  pause: lengthOfTime,
  clock: withMethods('a clock', ['sleep']),
});

/** A confirmed fault of stored data. */
export interface Finding extends Fault {
  /** The stored queue; null = it belongs to no queue. */
  readonly queue: string | null;
  /** The sort of data, in the broker's words: `task`, `lock`, `group`, `key`, `body`… */
  readonly what: string;
  /** ID, key or number by which the broker finds it. */
  readonly name: string;
}

export interface FsckReport {
  /** The stored queues that were checked. */
  readonly queues: readonly string[];
  /** All findings; `done` says how a repaired one was repaired. */
  readonly findings: readonly Finding[];
  /** Findings that were not repaired. */
  readonly remaining: number;
  /** Findings that were repaired. */
  readonly mended: number;
  /** Whether further findings are not in the report, because some queue has more than 10,000. */
  readonly more: boolean;
}

/** Candidates per call, the most that a broker takes. */
const MAX_EXAMINED = 100;
/** Findings of one queue that are held in memory. */
const MAX_FINDINGS = 10_000;
/** A repair may reveal a further fault, such as the lock of a dropped task; another round finds it. */
const MAX_ROUNDS = 4;
const PAUSE: Duration = '1s';

type Queue = string | null;

interface FaultyCandidate {
  readonly candidate: Candidate;
  readonly fault: Fault;
}

/** Examines candidates of one queue, and repairs them if asked to; resolves to those that have a fault. */
type Examine = (candidates: readonly Candidate[], repair?: boolean) => Promise<FaultyCandidate[]>;

function createExamine(check: Check, queue: Queue): Examine {
  return async (candidates, repair = false) => {
    const faulty: FaultyCandidate[] = [];
    for (let i = 0; i < candidates.length; i += MAX_EXAMINED) {
      const chunk = candidates.slice(i, i + MAX_EXAMINED);
      const faults = await check.examine(queue, chunk, repair);
      faults.forEach((fault, index) => {
        const candidate = chunk[index];
        if (fault && candidate) faulty.push({ candidate, fault });
      });
    }
    return faulty;
  };
}

const candidateKey = ({ what, name }: Candidate): string => `${what} ${name}`;

/** The faulty candidates of a first pass, each once. Stops at the first page beyond `MAX_FINDINGS`. */
async function firstPass(
  pages: AsyncIterable<readonly Candidate[]>,
  examine: Examine,
): Promise<Map<string, FaultyCandidate>> {
  const found = new Map<string, FaultyCandidate>();
  for await (const page of pages) {
    const unseen = page.filter((candidate) => !found.has(candidateKey(candidate)));
    for (const faulty of await examine(unseen)) found.set(candidateKey(faulty.candidate), faulty);
    if (found.size > MAX_FINDINGS) break;
  }
  return found;
}

interface Round {
  readonly findings: readonly Finding[];
  readonly more: boolean;
}

/** Checks one queue: first pass, pause, second pass, and with `repair` the repair of what both have found. */
async function checkStoredQueue(check: Check, queue: Queue, options: FsckOptions): Promise<Round> {
  const { repair = false, pause = PAUSE, clock = systemClock } = options;
  const pauseMs = durationMs(pause, 'pause');
  const examine = createExamine(check, queue);
  const first = await firstPass(check.candidates(queue), examine);
  if (first.size === 0) return { findings: [], more: false };
  await clock.sleep(pauseMs);
  const candidates = [...first.values()].slice(0, MAX_FINDINGS).map(({ candidate }) => candidate);
  // A fault whose kind has changed meanwhile is still in motion: skip it.
  const confirmed = (await examine(candidates)).filter(
    ({ candidate, fault }) => first.get(candidateKey(candidate))?.fault.kind === fault.kind,
  );
  const reported = repair
    ? await examine(
        confirmed.map(({ candidate }) => candidate),
        true,
      )
    : confirmed;
  const findings = reported.map(({ candidate: { what, name }, fault }) => ({ queue, what, name, ...fault }));
  return { findings, more: first.size > MAX_FINDINGS };
}

async function checkAll(
  { check, inspect }: Broker,
  options: FsckOptions,
): Promise<Round & { readonly queues: readonly string[] }> {
  // First the data that belongs to no queue: a repair there may reveal another queue.
  const rounds = [await checkStoredQueue(check, null, options)];
  const queues = options.queues ?? (await inspect.queues());
  for (const queue of queues) rounds.push(await checkStoredQueue(check, queue, options));
  return {
    queues,
    findings: rounds.flatMap(({ findings }) => findings),
    more: rounds.some((round) => round.more),
  };
}

/**
 * Finds stored data that must never exist: tasks that no index leads to, IDs without a task, tasks in two indexes,
 * locks and records that outlived their task (see `FaultKind`).
 *
 * It works on a live broker in bounded steps; SQLite does it in one step, and other calls wait for it. What seems wrong
 * is examined again in one atomic step, and once more after a pause. A task that merely moves is therefore not
 * reported. With `repair` a finding is repaired in the same atomic step in which it is found for the third time. At
 * most 200,000 IDs and 10,000 findings of a queue are in memory.
 *
 * @throws TaskCenterError `invalid-value`, `queue-not-found`, and as any call of the broker
 */
export async function fsck(broker: Broker, options: FsckOptions = {}): Promise<FsckReport> {
  checkBroker(broker, 'check', 'inspect');
  for (const queue of checkFsckOptions(options).queues ?? []) await requireQueue(broker, queue);
  const findings: Finding[] = [];
  for (let rounds = 1; ; rounds += 1) {
    const round = await checkAll(broker, options);
    const repaired = round.findings.filter(({ done }) => done !== null);
    findings.push(...repaired);
    if (repaired.length > 0 && rounds < MAX_ROUNDS) continue;
    const unrepaired = round.findings.filter(({ done }) => done === null);
    findings.push(...unrepaired);
    const remaining = unrepaired.length;
    return {
      queues: round.queues,
      findings,
      remaining,
      mended: findings.length - remaining,
      more: round.more,
    };
  }
}
