// The totals of queues, under everything that ends attempts at once.
import { expect } from 'vitest';
import type { Broker, EnqueueOptions, QueueFacts } from '@task-center/engine';
import { queuesOn } from '../harness/cluster.ts';
import { experiment } from '../harness/experiment.ts';
import { until, type Does, type Line } from '../harness/history.ts';
import type { Run } from '../harness/run.ts';

const TASKS = 20_000;
const KILLS = 10;
/** Workers or producers that are stopped in order, in between. */
const STOPS = 2;
const POISONS = 2;
const PER_SECOND = 700;
/** Beyond this a task that goes on is cancelled, or given back. */
const LONG_MS = 30_000;

interface Sent {
  readonly payload: Does;
  readonly options?: Partial<EnqueueOptions>;
}

/** What one task in a hundred does, by its number; the others succeed at once. */
const SPECIAL: Readonly<Record<number, Sent>> = {
  ...Object.fromEntries([3, 13, 23, 33, 43].map((n) => [n, { payload: { fail: 1 } }])),
  7: { payload: { fail: 9 }, options: { maxRetries: 1 } },
  // Cancels the next one, which waits.
  20: { payload: { cancel: 1 } },
  21: { payload: {}, options: { delay: '20s' } },
  // Cancels the next one, which may run.
  40: { payload: { cancel: 1 } },
  41: { payload: { ms: 50, ignoreAbort: true } },
  // Cancels itself.
  60: { payload: { cancel: 0, ms: LONG_MS } },
  80: { payload: { ms: 2_000 } },
  90: { payload: { ms: 20 }, options: { delay: '1s' } },
};

/** A hundred tasks, which a producer sends in turn. A task and the one after it, which it may cancel, are in one queue. */
const tasksFor = (queues: readonly string[]): Sent[] =>
  Array.from({ length: 100 }, (_, n) => {
    const { payload, options } = SPECIAL[n] ?? { payload: {} };
    const queue = queues.at(Math.floor(n / 2) % queues.length) ?? '';
    return { payload, options: { ...options, queue } };
  });

/** Enqueues tasks that kill their processes. They start when others run. */
async function enqueuePoison(run: Run, queue: string): Promise<void> {
  const poison = { payload: { kill: true }, options: { queue, delay: '5s' as const } };
  const tasks = Array.from({ length: POISONS }, () => poison);
  const producer = await run.start({ produce: { tasks } });
  await producer.produced();
  await producer.stop();
}

/** Stops workers in order and kills them, or a producer, at random. */
async function disturb(run: Run): Promise<void> {
  const living = () => [...run.workers, ...run.producers];
  for (let n = 0; n < KILLS + STOPS; n += 1) {
    await run.phase(500, 3_000);
    await until(() => living().length > 0, { what: 'a process is replaced that a task has killed' });
    const victim = run.random.pick(living());
    if (n % 5 === 4) await victim.stop();
    else await victim.kill();
    await run.startAgain(victim);
  }
}

/** Totals by queue. */
async function totalsIn(broker: Broker): Promise<Record<string, QueueFacts['totals']>> {
  const facts = await broker.inspect.queueFacts(await broker.inspect.queues());
  return Object.fromEntries(facts.map(({ queue, totals }) => [queue, totals]));
}

/** Checks that all instances show the same, also one that is started again. */
async function expectSameEverywhere(run: Run): Promise<QueueFacts['totals'][]> {
  const first = run.broker!;
  const seen = await totalsIn(first);
  if (run.bed.isSingleProcess) await first.close();
  else expect(await totalsIn(await run.bed.connect())).toEqual(seen);
  const again = await run.bed.connect();
  expect(await totalsIn(again)).toEqual(seen);
  return Object.values(seen);
}

/** Checks what handlers have seen. What they have not seen was cut off by a kill. */
function expectAsHandlersSay(lines: readonly Line[], totals: readonly QueueFacts['totals'][]): void {
  const sum = (name: keyof QueueFacts['totals']) => totals.reduce((all, each) => all + each[name], 0);
  const finished = (outcome: string) =>
    lines.filter((line) => line.e === 'finished' && line.outcome === outcome).length;
  const unseen = sum('started') - lines.filter(({ e }) => e === 'start').length;
  expect(unseen).toBeGreaterThanOrEqual(0);
  expect(unseen).toBeLessThanOrEqual(sum('recovered') + sum('deferred') + sum('cancelledRunning') + POISONS);
  expect(finished('succeeded')).toBeLessThanOrEqual(sum('succeeded'));
  expect(finished('failed') + finished('archived')).toBeLessThanOrEqual(sum('failed'));
  expect(finished('cancelled')).toBeLessThanOrEqual(sum('cancelledRunning'));
  expect(finished('deferred')).toBeLessThanOrEqual(sum('deferred'));
  for (const name of [
    'retried',
    'archived',
    'cancelled',
    'cancelledRunning',
    'recovered',
    'deferred',
  ] as const)
    expect(sum(name), name).toBeGreaterThan(0);
}

experiment(
  'W15',
  {
    title: 'the totals of queues over SIGKILLs, failures, retries, cancellations and poison',
    tier: 1,
    on: ['redis', 'cluster', 'sqlite'],
    may: { duplicates: ['killed', 'crashed', 'given-back'], crashes: true },
    limitMs: 240_000,
  },
  async (run) => {
    const queues = run.bed.deployment === 'cluster' ? await queuesOn(run.bed.cluster) : ['default', 'other'];
    await enqueuePoison(run, queues.at(0) ?? '');
    run.supervise();
    const producers = run.bed.isSingleProcess ? 1 : 2;
    await run.fleet({
      workers: 4,
      work: { queues, concurrency: run.bed.isSingleProcess ? 10 : 25, shutdownTimeout: 300 },
      producers,
      produce: {
        tasks: tasksFor(queues),
        count: TASKS / producers,
        perSecond: PER_SECOND / producers,
        batch: 20,
        retryUnknown: true,
      },
    });
    await disturb(run);
    await run.produced(120_000);
    const { tasks } = await run.finish({ drainMs: 150_000 });
    const totals = await expectSameEverywhere(run);
    const enqueued = totals.reduce((sum, each) => sum + each.enqueued, 0);
    expect(enqueued).toBe(tasks.acked + tasks.recovered);
    expect(enqueued).toBeGreaterThan(TASKS * 0.95);
    expectAsHandlersSay(run.lines(), totals);
    const shown = ['started', 'failed', 'retried', 'archived', 'cancelled', 'recovered', 'deferred'] as const;
    for (const name of shown)
      run.fact(
        name,
        totals.reduce((sum, each) => sum + each[name], 0),
      );
  },
);
