import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, onTestFinished } from 'vitest';
import { Inspector, type TaskRecord } from '../../packages/engine/src/index.ts';
import { interopBed, item, until, type Bed } from '../support/bed.ts';
import { Fleet, type Member, type Producer, type Runs } from '../support/fleet.ts';
import type { GoPeer } from '../support/go-peer.ts';

const QUEUES = ['high', 'middle', 'low'];
/** Tasks of each of four producers: 20,000 together. */
const TASKS_EACH = 5_000;
const PER_SECOND = 115;
const PRODUCERS = [
  { kind: 'go', prefix: 'go1' },
  { kind: 'go', prefix: 'go2' },
  { kind: 'ours', prefix: 'us1' },
  { kind: 'ours', prefix: 'us2' },
] as const;
const LOAD_MS = 60_000;
const KILL_MS = 3_000;
/** Tasks of a killed Go server come back after its lease of 30 s and 30 s more. Later kills would only prolong the test. */
const LAST_GO_KILL_MS = 24_000;
const LIMIT_MS = 200_000;

/**
 * The processes that may be killed. Those that aggregate are not: Go leaves an aggregation set alone for two minutes after
 * its worker was killed.
 */
interface Victims {
  readonly workers: readonly Member[];
  readonly producers: readonly Producer[];
}

async function start(fleet: Fleet): Promise<Victims> {
  const [goOne, goTwo, ourOne, ourTwo] = await Promise.all([
    fleet.worker('go'),
    fleet.worker('go'),
    fleet.worker('ours', { concurrency: 20 }),
    fleet.worker('ours', { concurrency: 20 }),
    fleet.worker('go', { aggregate: true }),
    fleet.worker('ours', { aggregate: true }),
  ]);
  const producers = PRODUCERS.map(({ kind, prefix }) =>
    fleet.producer(kind, { prefix, to: TASKS_EACH, perSecond: PER_SECOND }),
  );
  return { workers: [ourOne, goOne, ourTwo, goTwo], producers };
}

/** For a minute kills a worker of each side in turn, and a producer of each side once. Resolves to the killed workers. */
async function killSome({ workers, producers }: Victims): Promise<Member[]> {
  const began = performance.now();
  const killed: Member[] = [];
  for (let round = 0; performance.now() - began < LOAD_MS; round += 1) {
    await sleep(KILL_MS);
    const member = workers[round % workers.length];
    const isSpared = member?.kind === 'go' && performance.now() - began > LAST_GO_KILL_MS;
    if (!member || isSpared) continue;
    killed.push(member);
    await member.replace();
    // The first producer of Go, and the first of ours.
    if (round === 3 || round === 5) await producers[round === 3 ? 0 : 2]?.replace();
  }
  await Promise.all(producers.map(({ ended }) => ended()));
  return killed;
}

/** Waits until every task has ended. Both sides in turn run the retries at once. */
async function drain(bed: Bed, go: GoPeer): Promise<void> {
  const inspector = new Inspector(bed.broker);
  let round = 0;
  await until(async () => {
    round += 1;
    for (const queue of QUEUES) {
      if (round % 2 === 0) await inspector.tasks.runAll(queue, 'retry');
      else await go.inspect('runAll', { queue, state: 'retry' });
    }
    const facts = await bed.broker.inspect.queueFacts(QUEUES);
    return facts.every(({ counts }) => {
      const { completed, archived, cancelled, ...open } = counts;
      return Object.values(open).every((count) => count === 0) && completed + archived + cancelled > 0;
    });
  }, 1_000);
}

async function records(bed: Bed, state: 'completed' | 'archived'): Promise<TaskRecord[]> {
  const all: TaskRecord[] = [];
  for (const queue of QUEUES) {
    let cursor: string | null = null;
    do {
      const page = await bed.broker.inspect.list({ queue, state, limit: 500, cursor });
      all.push(...page.tasks);
      cursor = page.cursor;
    } while (cursor !== null);
  }
  return all;
}

const numberOf = (id: string): number => Number(id.slice(id.indexOf('-') + 1));
/** The remainder decides which kind of task the producers make of a number. */
const kindOf = (n: number): number => n % 20;

/** Compares the IDs with the expected ones: unique tasks once per number, members of groups in a batch. */
function expectAllThere(completed: readonly TaskRecord[], archived: readonly TaskRecord[]): void {
  const batches = completed.filter(({ type }) => type === 'batch');
  const members = batches.flatMap(
    ({ payload }) => JSON.parse(Buffer.from(payload ?? []).toString()) as string[],
  );
  const uniques = completed.filter(({ type }) => type === 'unique').map(({ id }) => numberOf(id));
  const others = completed.filter(({ type }) => type === 'ok' || type === 'once').map(({ id }) => id);
  const numbers = Array.from({ length: TASKS_EACH }, (_, n) => n);
  const of = (matches: (kind: number) => boolean) => {
    const fitting = numbers.filter((n) => matches(kindOf(n)));
    return PRODUCERS.flatMap(({ prefix }) => fitting.map((n) => `${prefix}-${n}`)).sort();
  };
  expect(members.sort()).toEqual(of((kind) => kind === 19));
  expect(uniques.sort((a, b) => a - b)).toEqual(numbers.filter((n) => kindOf(n) === 18));
  expect(others.sort()).toEqual(of((kind) => kind !== 13 && kind < 18));
  expect(archived.map(({ id }) => id).sort()).toEqual(of((kind) => kind === 13));
}

/** Whether the log of the handlers matches the stored task. */
function isLoggedAlike(task: TaskRecord, { started, succeeded, failed }: Runs): boolean {
  const failures = task.retried + (task.state === 'archived' ? 1 : 0);
  const successes = task.state === 'completed' ? 1 : 0;
  return started === succeeded + failed && succeeded === successes && failed === failures;
}

/** Outcomes are as the handlers logged them, except for attempts that a kill cut off. */
function expectLogged(
  tasks: readonly TaskRecord[],
  runs: Map<string, Runs>,
  killed: readonly Member[],
): void {
  const none = { started: 0, succeeded: 0, failed: 0 };
  const cutOff = tasks.filter((task) => !isLoggedAlike(task, runs.get(task.id) ?? none));
  expect(new Set(killed.map(({ kind }) => kind)).size).toBe(2);
  expect(cutOff.length).toBeGreaterThan(0);
  // The attempts that were running, and those whose end was being sent.
  expect(cutOff.length).toBeLessThanOrEqual(
    killed.reduce((sum, { concurrency }) => sum + 3 * concurrency, 0),
  );
  for (const task of tasks) {
    const { succeeded = 0 } = runs.get(task.id) ?? {};
    if (task.state === 'completed') expect(succeeded, task.id).toBeGreaterThanOrEqual(1);
    else expect(succeeded, task.id).toBe(0);
  }
  const known = new Set(tasks.map(({ id }) => id));
  const strangers = [...runs.keys()].filter((id) => !known.has(id));
  expect(strangers).toEqual([]);
}

interface GoQueueInfo {
  readonly Size: number;
  readonly Completed: number;
  readonly Archived: number;
  readonly ProcessedTotal: number;
  readonly FailedTotal: number;
}

/** What our totals must be of a queue that Go's servers work at, too: `started` has our attempts alone, the ends have all. */
function expectedTotals(tasks: readonly TaskRecord[]) {
  const sum = (count: (task: TaskRecord) => number) => tasks.reduce((all, task) => all + count(task), 0);
  // An attempt that Go's worker has ended leaves no record. One that it has lost is none of ours, even if our recoverer has ended it.
  const ended = sum(
    ({ attempts }) =>
      attempts.filter(({ outcome }) => outcome === 'succeeded' || outcome === 'failed').length,
  );
  const recovered = sum(({ crashes }) => crashes);
  const deferred = sum(({ deferrals }) => deferrals);
  return { started: ended + recovered + deferred, recovered, deferred };
}

/** The counters of both sides are the sums over the stored tasks. */
async function expectCounted(bed: Bed, go: GoPeer, tasks: readonly TaskRecord[]): Promise<void> {
  for (const queue of QUEUES) {
    const own = tasks.filter((task) => task.queue === queue);
    const archived = own.filter(({ state }) => state === 'archived');
    const retried = own.reduce((sum, task) => sum + task.retried, 0);
    const expected = { processed: own.length + retried, failed: archived.length + retried };
    const [facts] = await bed.broker.inspect.queueFacts([queue]);
    expect(facts, queue).toMatchObject({
      ...expected,
      counts: { completed: own.length - archived.length, archived: archived.length },
      anomalies: { dropped: 0, archived: 0, renamedKeys: 0 },
      totals: {
        ...expectedTotals(own),
        succeeded: own.length - archived.length,
        failed: expected.failed,
        cancelled: 0,
        quarantined: 0,
      },
    });
    expect(facts?.totals.started, queue).toBeGreaterThan(0);
    expect(facts?.totals.started, queue).toBeLessThan(expected.processed);
    expect(await go.inspect<GoQueueInfo>('info', { queue }), queue).toMatchObject({
      // Go includes finished tasks.
      Size: own.length,
      Completed: own.length - archived.length,
      Archived: archived.length,
      ProcessedTotal: expected.processed,
      FailedTotal: expected.failed,
    });
    const listed = await go.list(queue, 'archived');
    expect(listed.map(({ id }) => id).sort()).toEqual(archived.map(({ id }) => id).sort());
    for (const { id, retried: ours, state } of own.filter((_, i) => i % 200 === 0)) {
      expect(await go.task(queue, id)).toMatchObject({ id, state, retried: ours });
    }
  }
}

describe('a mixed fleet', () => {
  const bed = interopBed();

  item(
    'Go’s and our clients and servers are killed again and again: each of 20,000 tasks ends once, and all counters agree',
    async () => {
      const fleet = new Fleet(bed.redis, QUEUES);
      onTestFinished(() => fleet.remove());
      const go = bed.go();
      const killed = await killSome(await start(fleet));
      await drain(bed, go);
      const [completed, archived] = [await records(bed, 'completed'), await records(bed, 'archived')];
      expectAllThere(completed, archived);
      const tasks = [...completed, ...archived];
      expectLogged(tasks, fleet.runs(), killed);
      await expectCounted(bed, go, tasks);
    },
    LIMIT_MS,
  );
});
