import { DatabaseSync } from '@photostructure/sqlite';
import { describe, expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { createScheduleStore } from '../../../src/brokers/sqlite/main/facets/schedules.ts';
import type { LocalSignals } from '../../../src/brokers/sqlite/main/facets/signals.ts';
import type { Writer } from '../../../src/brokers/sqlite/main/writer.ts';
import { putCalendar } from '../../../src/control/calendars.ts';
import { fsck } from '../../../src/control/fsck.ts';
import { removeQueue } from '../../../src/control/remove-queue.ts';
import { TaskCenterError } from '../../../src/errors/task-center-error.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { expectSpoilt } from '../../support/calendars.ts';
import { aTask, finish } from '../../support/factories.ts';
import { aPlan, aSchedule, fireOnce, putAll, readSchedule, schedulesOf } from '../../support/schedules.ts';
import { folder, open } from './open.ts';

const HOUR_MS = 3_600_000;

/** A schedule with an open run, in a file that is closed. */
async function closedWithRun(): Promise<string> {
  const path = (await folder()).file('tasks.db');
  const broker = await open(path);
  const bench = benchOf(broker);
  await putAll(bench, aSchedule());
  const plan = {
    open: ['run'],
    awaitsEnd: true,
    nextFireMs: bench.now() + HOUR_MS,
    nextLookMs: bench.now() + HOUR_MS,
  };
  await fireOnce(bench, { tasks: [aTask({ id: 'run' })] }, plan);
  await broker.close();
  return path;
}

/** What helpers of the conformance suite ask for, around a broker with real time. */
function benchOf(broker: Broker) {
  const unused = () => Promise.reject(new Error('its time is real'));
  return {
    broker,
    now: () => Date.now() - 1,
    advance: unused,
    recoverAfter: unused,
    close: () => broker.close(),
  };
}

async function openDamaged(...sql: readonly string[]): Promise<Broker> {
  const path = await closedWithRun();
  const raw = new DatabaseSync(path);
  for (const statement of sql) raw.exec(statement);
  raw.close();
  return open(path);
}

const openRuns = async (broker: Broker) => {
  await schedulesOf({ broker }).lookNow([{ queue: 'default', name: 'one' }]);
  return (await schedulesOf({ broker }).due('default', 10)).schedules[0]?.openRuns;
};

const history = async (broker: Broker) =>
  (await schedulesOf({ broker }).fires({ queue: 'default', limit: 10, before: null })).fires;

describe('a schedule in a file', () => {
  test('is found again with its open runs and its history', async () => {
    const broker = await open(await closedWithRun());
    const bench = benchOf(broker);
    expect(await readSchedule(bench)).toMatchObject({ revision: 1, open: ['run'], awaitsEnd: true });
    expect(await openRuns(broker)).toEqual([{ id: 'run', end: null, endedMs: null }]);
    const exchange = { queues: ['default'], room: 1, leaseMs: HOUR_MS, worker: 'w' };
    const { tasks } = await broker.consume.exchange({ ...exchange, finishes: [] });
    await broker.consume.exchange({
      ...exchange,
      finishes: tasks.map((task) => finish.succeeded(task)),
      room: 0,
    });
    expect(await openRuns(broker)).toMatchObject([{ end: 'completed' }]);
    expect(await history(broker)).toMatchObject([{ taskId: 'run', end: 'completed' }]);
  });

  test('learns of a run whose task vanished unseen', async () => {
    const broker = await openDamaged('DELETE FROM task');
    expect(await openRuns(broker)).toMatchObject([{ id: 'run', end: 'gone' }]);
    expect(await history(broker)).toMatchObject([{ taskId: 'run', ended: 1, end: 'gone' }]);
    expect(await fsck(broker, { pause: 0 })).toMatchObject({ findings: [] });
  });

  test('keeps its queue from being removed, which says so', async () => {
    const broker = await open((await folder()).file('tasks.db'));
    await putAll(benchOf(broker), aSchedule(), aSchedule({ name: 'two' }));
    for (const force of [false, true])
      await expect(removeQueue(broker, 'default', { force })).rejects.toMatchObject({
        code: 'queue-not-empty',
        message: expect.stringContaining('2 schedules'),
      });
    await schedulesOf({ broker }).remove(['one', 'two'].map((name) => ({ queue: 'default', name })));
    await removeQueue(broker, 'default', {});
  });
});

test('a fire that finds the disk full is refused, and its schedule stays due', async () => {
  const broker = 'sqlite:/full';
  const run = () => Promise.reject(new TaskCenterError('broker-full', { broker }));
  const writer = { run } as unknown as Writer;
  const { fire } = createScheduleStore({ writer, signals: {} as LocalSignals, clock: systemClock });
  const write = { name: 'one', stamp: 1, fires: [], plan: aPlan() };
  const refused = { code: 'refused', cause: 'broker-full' };
  expect(await fire('default', [write, write])).toEqual([refused, refused]);
});

describe('fsck', () => {
  test.each([
    {
      name: 'a look that is missing',
      sql: ['UPDATE schedule SET look_ms = NULL'],
      kind: 'orphan',
      what: 'look',
    },
    { name: 'a missing specification', sql: ['DELETE FROM schedule_spec'], kind: 'ghost', what: 'spec' },
    { name: 'a run without its task', sql: ['DELETE FROM task'], kind: 'leak', what: 'run' },
    {
      name: 'a queue that is missing',
      sql: [
        'DELETE FROM task',
        'DELETE FROM schedule_run',
        'UPDATE schedule SET queue = 9',
        'UPDATE fire SET queue = 9',
      ],
      kind: 'orphan',
      what: 'queue',
    },
    {
      name: 'what was left of a schedule',
      sql: ['DELETE FROM schedule'],
      kind: 'leak',
      what: 'fire_of',
    },
  ])('finds and repairs $name', async ({ sql, kind, what }) => {
    const broker = await openDamaged(...sql);
    const { findings } = await fsck(broker, { pause: 0 });
    expect(findings).toContainEqual(expect.objectContaining({ kind, what, done: null }));
    await fsck(broker, { repair: true, pause: 0 });
    expect(await fsck(broker, { pause: 0 })).toMatchObject({ findings: [] });
    // Nothing is left that would keep a new schedule of the name from working.
    const bench = benchOf(broker);
    const [old] = (await schedulesOf({ broker }).get(['one'])).schedules;
    if (old) await schedulesOf({ broker }).remove([{ queue: old.queue, name: 'one' }]);
    await putAll(bench, aSchedule({ plan: aPlan() }));
    await fireOnce(bench);
    expect(await fsck(broker, { pause: 0 })).toMatchObject({ findings: [] });
  });
});

test('a calendar whose JSON another program has spoilt stops no other, and can be put anew', async () => {
  const path = (await folder()).file('tasks.db');
  const broker = await open(path);
  for (const id of ['good', 'spoilt']) await putCalendar(broker, { id, calendar: { off: ['2026-05-14'] } });
  await broker.close();
  const raw = new DatabaseSync(path);
  raw.exec(`UPDATE document SET value = '{"off":' WHERE id = 'spoilt'`);
  raw.close();
  await expectSpoilt(await open(path));
});
