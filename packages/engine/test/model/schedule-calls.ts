// Random calls of the facet `schedules` on brokers beside a model in memory.
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { EndState } from '../../src/broker/fires.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { connectSqlite } from '../../src/brokers/sqlite/sqlite-broker.ts';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish } from '../support/factories.ts';
import { aPlan, aSchedule, schedulesOf } from '../support/schedules.ts';
import { rawRedis } from '../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';
import { tempFolder } from '../support/temp.ts';
import { SchedulesModel, type ModelSchedule } from './schedules-model.ts';

/** The seed of a failed run, which it has printed, repeats that run. */
const SEED = process.env.TASKCENTER_TEST_SEED;
const HOUR_MS = 3_600_000;
/** Names and their queues. */
const PLACES = { a: 'one', b: 'one', 'shop.a': 'one', c: 'two' } as const;
type Name = keyof typeof PLACES;

/** A broker beside its model. `reopen` closes the file and opens it again. */
interface Pair {
  broker: Broker;
  readonly model: SchedulesModel;
  /** Stamps of each schedule, as they were read last by another scheduler. */
  readonly stamps: Map<string, number>;
  reopen(): Promise<void>;
}

const name = fc.constantFrom(...(Object.keys(PLACES) as Name[]));
const offset = fc.constantFrom(null, -1_000, 0, 1_000, 60_000, 3 * HOUR_MS);
const isRare = fc.nat(3).map((n) => n === 0);
const revisions = fc.constantFrom<number | 'current'>('current', 'current', 'current', 0, 1);
const someFires = fc.record({
  do: fc.constant('fire' as const),
  name,
  isStale: isRare,
  outcome: fc.constantFrom('fired', 'manual', 'skipped_misfire'),
  fireMs: fc.constantFrom(-2_000, -1_000, 0, 0, 1),
  tasks: fc.nat(2),
  opens: fc.boolean(),
  awaitsEnd: fc.boolean(),
  offset,
});
const someEnds = fc.record({
  do: fc.constant('end' as const),
  at: fc.nat(),
  how: fc.constantFrom<EndState>('completed', 'archived', 'cancelled', 'gone'),
});
const someMs = fc.constantFrom(1, 1_000, 2_000, 60_000, 2 * HOUR_MS, -2 * HOUR_MS);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('put' as const), name, expected: revisions, offset }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('remove' as const), name, expected: revisions, isAny: isRare }),
  },
  { weight: 8, arbitrary: someFires },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('due' as const), name, limit: fc.integer({ min: 1, max: 4 }) }),
  },
  { weight: 5, arbitrary: someEnds },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look' as const), name }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: someMs }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;
type StepOf<Do extends Step['do']> = Extract<Step, { do: Do }>;

const after = ({ nowMs }: SchedulesModel, ms: number | null): number | null =>
  ms === null ? null : nowMs + ms;

/** Remembers the stamp of a schedule, for a scheduler that will be late. */
async function readStamp({ broker, model, stamps }: Pair, of: string): Promise<number> {
  const [schedule] = (await schedulesOf({ broker }).get([of])).schedules;
  const expectedPlan = model.schedules.get(of)?.plan;
  if (expectedPlan) expect(schedule).toMatchObject(expectedPlan);
  const stamp = schedule?.stamp ?? -1;
  if (!stamps.has(of)) stamps.set(of, stamp);
  return stamp;
}

async function put({ broker, model }: Pair, given: StepOf<'put'>): Promise<void> {
  const { name: of, offset: next } = given;
  const queue = PLACES[of];
  const revision = model.schedules.get(of)?.revision ?? 0;
  const expectedRevision = given.expected === 'current' ? revision : given.expected;
  const nextFireMs = after(model, next);
  const { plan: _plan, ...schedule } = aSchedule({ name: of, queue, expectedRevision, nextFireMs });
  const [outcome] = await schedulesOf({ broker }).put([schedule]);
  if (expectedRevision === revision) {
    expect(outcome).toEqual({ code: 'stored', revision: revision + 1 });
    model.put(of, queue, nextFireMs);
  } else if (expectedRevision === 0) expect(outcome).toEqual({ code: 'schedule-exists', queue });
  else
    expect(outcome).toEqual(revision === 0 ? { code: 'not-found' } : { code: 'version-mismatch', revision });
}

async function remove({ broker, model }: Pair, given: StepOf<'remove'>): Promise<void> {
  const { name: of, isAny } = given;
  const revision = model.schedules.get(of)?.revision ?? 0;
  const expectedRevision = given.expected === 'current' ? revision : given.expected;
  const removal = { queue: PLACES[of], name: of, ...(!isAny && { expectedRevision }) };
  const [outcome] = await schedulesOf({ broker }).remove([removal]);
  if (revision === 0) return expect(outcome).toEqual({ code: 'not-found' });
  const fits = isAny || expectedRevision === revision;
  expect(outcome).toEqual(fits ? { code: 'removed' } : { code: 'version-mismatch', revision });
  if (fits) model.remove(of);
}

async function fire(pair: Pair, given: StepOf<'fire'>): Promise<void> {
  const { broker, model, stamps } = pair;
  const { name: of, isStale, outcome, awaitsEnd } = given;
  const queue = PLACES[of];
  const schedule = model.schedules.get(of);
  const current = await readStamp(pair, of);
  const stamp = isStale ? stamps.get(of)! : current;
  const count = outcome === 'skipped_misfire' ? 0 : given.tasks;
  const tasks = Array.from({ length: count }, () => aTask({ queue, retentionMs: HOUR_MS }));
  const ids = tasks.map(({ id }) => id);
  const fireMs = model.nowMs + given.fireMs;
  const plan = aPlan({
    open: given.opens ? [...(schedule?.plan.open ?? []), ...ids].slice(-5) : [],
    awaitsEnd,
    runs: (schedule?.plan.runs ?? 0) + 1,
    nextFireMs: after(model, given.offset),
    nextLookMs: after(model, given.offset),
  });
  const made = [{ outcome, fireMs, toMs: fireMs, count: 1, tasks }] as const;
  const [written] = await schedulesOf({ broker }).fire(queue, [{ name: of, stamp, fires: made, plan }]);
  if (!schedule || stamp !== current) return expect(written).toEqual({ code: 'changed' });
  if (fireMs > model.nowMs) return expect(written).toEqual({ code: 'in-future', nowMs: model.nowMs });
  expect(written).toEqual({ code: 'fired' });
  model.fire(schedule, [{ outcome, fireMs, tasks: ids }], plan);
  stamps.set(of, stamp);
}

async function due({ broker, model }: Pair, { name: of, limit }: StepOf<'due'>): Promise<void> {
  const queue = PLACES[of];
  const expected = model.dueIn(queue);
  const { schedules, nextLookMs } = await schedulesOf({ broker }).due(queue, limit);
  expect(schedules).toHaveLength(Math.min(limit, expected.length));
  for (const { name: found, openRuns, wasAhead } of schedules) {
    const schedule = expected.find((one) => one.name === found)!;
    expect(wasAhead).toBe(model.isAhead(schedule));
    const runs = schedule.plan.open.map((id) => ({
      id,
      ...(model.tasks.has(id) ? { end: null, endedMs: null } : model.ends.get(id)),
    }));
    expect(openRuns).toEqual(runs);
    model.hide(schedule);
  }
  expect(nextLookMs).toBe(model.nextLookIn(queue));
}

/** Ends one of the tasks, whether its schedule is still there or not. */
async function end({ broker, model }: Pair, { at, how }: StepOf<'end'>): Promise<void> {
  const ids = [...model.tasks.keys()];
  const id = ids[at % Math.max(1, ids.length)];
  if (id === undefined) return;
  const { queue } = model.tasks.get(id)!.schedule;
  if (how === 'gone') await broker.control.remove({ queue, id });
  else if (how === 'cancelled') await broker.control.cancel({ queue, id }, {});
  else if (how === 'archived') await broker.control.archive({ queue, id });
  else {
    const exchange = { queues: [queue], room: 100, leaseMs: HOUR_MS, worker: 'w' };
    const { tasks } = await broker.consume.exchange({ ...exchange, finishes: [] });
    const finishes = tasks.map((task) => (task.id === id ? finish.succeeded(task) : finish.requeue(task)));
    await broker.consume.exchange({ ...exchange, finishes, room: 0 });
  }
  model.end(id, how);
}

async function run(pair: Pair, given: Step): Promise<void> {
  const { model, broker } = pair;
  if (given.do === 'put') return put(pair, given);
  if (given.do === 'remove') return remove(pair, given);
  if (given.do === 'fire') return fire(pair, given);
  if (given.do === 'due') return due(pair, given);
  if (given.do === 'end') return end(pair, given);
  if (given.do === 'reopen') return pair.reopen();
  if (given.do === 'advance') return void (model.nowMs += given.ms);
  await schedulesOf({ broker }).lookNow([{ queue: PLACES[given.name], name: given.name }]);
  const schedule = model.schedules.get(given.name);
  if (schedule) model.lookNow(schedule);
}

async function compareHistory({ broker, model }: Pair, schedule: ModelSchedule): Promise<void> {
  const { queue, name: of } = schedule;
  const { fires } = await schedulesOf({ broker }).fires({ queue, name: of, limit: 500, before: null });
  const shown = fires.map(({ outcome, fireMs, atMs, taskId, tasks, ended, end: how, endedMs }) => ({
    outcome,
    fireMs,
    atMs,
    taskId,
    tasks,
    ended,
    end: how,
    endedMs,
  }));
  const expected = model.historyOf(schedule).map(({ tasks, ...line }) => ({
    ...line,
    taskId: tasks[0] ?? null,
    tasks: tasks.length,
  }));
  expect(shown).toEqual(expected);
}

async function compare(pair: Pair): Promise<void> {
  const { broker, model } = pair;
  const names = Object.keys(PLACES);
  const { schedules } = await schedulesOf({ broker }).get(names);
  for (const [i, found] of schedules.entries()) {
    const expected = model.schedules.get(names[i]!);
    if (!expected) expect(found).toBeNull();
    else {
      const { revision, createdMs, changedMs, failing, plan, queue } = expected;
      expect(found).toMatchObject({ revision, createdMs, changedMs, failing, queue, ...plan });
      await compareHistory(pair, expected);
    }
  }
  expect(await fsck(broker, { pause: 0 })).toMatchObject({ findings: [] });
}

/** An empty store. `open` connects to it. */
interface Store {
  open(nowMs: () => number): Promise<Broker>;
  remove(): Promise<void>;
}

async function sqliteStore(): Promise<Store> {
  const folder = await tempFolder();
  const path = folder.file('tasks.db');
  return { open: (nowMs) => connectSqlite({ path, nowMs }), remove: () => folder.remove() };
}

async function agree(createStore: () => Promise<Store>, steps: readonly Step[]): Promise<void> {
  const store = await createStore();
  const model = new SchedulesModel(1_767_225_600_000);
  const open = () => store.open(() => model.nowMs);
  const pair: Pair = {
    broker: await open(),
    model,
    stamps: new Map(),
    async reopen() {
      await pair.broker.close();
      // Schedulers end with the process.
      pair.stamps.clear();
      pair.broker = await open();
    },
  };
  const close = async () => {
    await pair.broker.close();
    await store.remove();
  };
  onTestFinished(close);
  for (const given of steps) await run(pair, given);
  await compare(pair);
  await close();
}

function itAgrees(broker: string, createStore: () => Promise<Store>, numRuns: number): void {
  test(
    `the ${broker} broker agrees with the model on any sequence of calls, over restarts`,
    { timeout: 300_000 },
    async () => {
      const sequence = fc.array(step, { minLength: 40, maxLength: 80, size: 'max' });
      const property = fc.asyncProperty(sequence, (steps) => agree(createStore, steps));
      await fc.assert(property, {
        numRuns,
        ...(SEED === undefined ? {} : { seed: Number(SEED) }),
      });
    },
  );
}

/**
 * Both brokers beside the model.
 *
 * @param numRuns sequences of about a hundred calls; a fixed number, as a busy machine may make none of them within any time
 */
export function testScheduleCalls(numRuns: number): void {
  describe('schedules', () => itAgrees('SQLite', sqliteStore, numRuns));

  describe.skipIf(!hasRedis())('schedules', () => {
    let server: RedisServer;
    beforeAll(async () => {
      server = await startRedis();
    });
    afterAll(() => server?.stop());

    const redisStore = async (): Promise<Store> => {
      const raw = await rawRedis(server.port);
      await raw.call('FLUSHALL');
      raw.close();
      return { open: (nowMs) => connectRedis({ url: server.url, nowMs }), remove: () => Promise.resolve() };
    };
    itAgrees('Redis', redisStore, numRuns);
  });
}
