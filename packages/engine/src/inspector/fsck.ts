import type { Broker } from '../broker/broker.ts';
import type { Check, Fault, Candidate } from '../broker/check.ts';
import { TaskCenterError } from '../errors/task-center-error.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';

export interface FsckOptions {
  /** Stored queues, such as `orders` and `orders~cb`. Default: all that were ever used. */
  readonly queues?: readonly string[];
  /** Mend what is found. Default: false, nothing is changed. */
  readonly repair?: boolean;
  /** Between the looks at what seems wrong, ms. Default 1,000. */
  readonly pauseMs?: number;
  readonly clock?: Clock;
}

/** Something wrong with stored data. */
export interface Finding extends Fault {
  /** Null = it belongs to no queue. */
  readonly queue: string | null;
  readonly what: string;
  readonly name: string;
}

export interface FsckReport {
  readonly queues: readonly string[];
  /** Mended ones have `done`. */
  readonly findings: readonly Finding[];
  readonly remaining: number;
  readonly mended: number;
  /** A queue has more than 10,000 of them: the others were not looked for. */
  readonly more: boolean;
}

const AT_ONCE = 100;
/** Findings of one queue that are kept in memory. */
const MAX_FINDINGS = 10_000;
/** What one round mends may bring something else to light: a dropped task its lock. */
const MAX_ROUNDS = 4;
const PAUSE_MS = 1_000;

type Queue = string | null;

interface Wrong {
  readonly suspect: Candidate;
  readonly fault: Fault;
}

/** Looks at suspects of one queue; resolves to those with which something is wrong. */
type Look = (suspects: readonly Candidate[], mend?: boolean) => Promise<Wrong[]>;

function createLook(check: Check, queue: Queue): Look {
  return async (suspects, mend = false) => {
    const wrong: Wrong[] = [];
    for (let i = 0; i < suspects.length; i += AT_ONCE) {
      const part = suspects.slice(i, i + AT_ONCE);
      const faults = await check.examine(queue, part, mend);
      faults.forEach((fault, at) => {
        const suspect = part[at];
        if (fault && suspect) wrong.push({ suspect, fault });
      });
    }
    return wrong;
  };
}

const keyOf = ({ what, name }: Candidate): string => `${what} ${name}`;

/** What is wrong at a first look, each once; not many more than are kept. */
async function firstLook(
  pages: AsyncIterable<readonly Candidate[]>,
  look: Look,
): Promise<Map<string, Wrong>> {
  const found = new Map<string, Wrong>();
  for await (const page of pages) {
    const fresh = page.filter((one) => !found.has(keyOf(one)));
    for (const one of await look(fresh)) found.set(keyOf(one.suspect), one);
    if (found.size > MAX_FINDINGS) break;
  }
  return found;
}

interface Round {
  readonly findings: readonly Finding[];
  readonly more: boolean;
}

async function checkQueue(check: Check, queue: Queue, options: FsckOptions): Promise<Round> {
  const { repair = false, pauseMs = PAUSE_MS, clock = systemClock } = options;
  const look = createLook(check, queue);
  const first = await firstLook(check.candidates(queue), look);
  if (first.size === 0) return { findings: [], more: false };
  await clock.sleep(pauseMs);
  const suspects = [...first.values()].slice(0, MAX_FINDINGS).map(({ suspect }) => suspect);
  // With what something else is wrong by now is on its way.
  const stays = (await look(suspects)).filter(
    ({ suspect, fault }) => first.get(keyOf(suspect))?.fault.kind === fault.kind,
  );
  const told = repair
    ? await look(
        stays.map(({ suspect }) => suspect),
        true,
      )
    : stays;
  const findings = told.map(({ suspect: { what, name }, fault }) => ({ queue, what, name, ...fault }));
  return { findings, more: first.size > MAX_FINDINGS };
}

async function checkAll(
  { check, inspect }: Broker,
  options: FsckOptions,
): Promise<Round & { readonly queues: readonly string[] }> {
  // What belongs to no queue may bring another queue to light.
  const rounds = [await checkQueue(check, null, options)];
  const queues = options.queues ?? (await inspect.queues());
  for (const queue of queues) rounds.push(await checkQueue(check, queue, options));
  return {
    queues,
    findings: rounds.flatMap(({ findings }) => findings),
    more: rounds.some((round) => round.more),
  };
}

async function checkNames({ inspect }: Broker, queues: readonly string[]): Promise<void> {
  for (const queue of queues)
    if (!(await inspect.exists(queue))) throw new TaskCenterError('queue-not-found', { queue });
}

/**
 * Looks for stored data that must never be: tasks that nothing leads to, IDs without a task, tasks in two places, locks
 * and notes that outlived their task (see `FaultKind`). Works on a live broker, in bounded steps (on SQLite in one, which holds up all other calls): what seems wrong is
 * looked at again in one moment, and once more after a pause, so that nothing is told of that merely moves. With
 * `repair` each finding is mended in the moment in which it is found wrong for the third time. Holds at most 200,000 IDs
 * and 10,000 findings of a queue in memory.
 *
 * @throws TaskCenterError `queue-not-found`, and as any call of the broker
 */
export async function fsck(broker: Broker, options: FsckOptions = {}): Promise<FsckReport> {
  await checkNames(broker, options.queues ?? []);
  const findings: Finding[] = [];
  for (let rounds = 1; ; rounds += 1) {
    const round = await checkAll(broker, options);
    const mended = round.findings.filter(({ done }) => done !== null);
    findings.push(...mended);
    if (mended.length > 0 && rounds < MAX_ROUNDS) continue;
    const left = round.findings.filter(({ done }) => done === null);
    findings.push(...left);
    const remaining = left.length;
    return {
      queues: round.queues,
      findings,
      remaining,
      mended: findings.length - remaining,
      more: round.more,
    };
  }
}
