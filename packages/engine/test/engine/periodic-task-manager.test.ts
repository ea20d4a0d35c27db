import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { PeriodicTaskManager, type PeriodicTask } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { sqliteKind, type BrokerPlace } from '../support/brokers.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const SYNC_MS = 60_000;

describe('the manager of periodic tasks', () => {
  let place: BrokerPlace;
  let broker: Broker;
  let clock: FakeClock;
  let given: () => readonly PeriodicTask[];
  let asked: number;
  let logged: string[];
  let managers: PeriodicTaskManager[];

  beforeEach(async () => {
    place = await sqliteKind.place();
    broker = await place.connect();
    clock = createFakeClock();
    [asked, logged, managers] = [0, [], []];
  });
  afterEach(async () => {
    await Promise.all(managers.map((manager) => manager.stop()));
    await place.remove();
  });

  const say = (_: unknown, message: string) => void logged.push(message);
  const log = { debug: say, info: say, warn: say, error: say };

  function aManager(tasks: typeof given): PeriodicTaskManager {
    given = tasks;
    const manager = new PeriodicTaskManager(broker, {
      provider: () => {
        asked += 1;
        return given();
      },
      syncIntervalMs: SYNC_MS,
      heartbeatMs: 1_000,
      runtime: { clock, log },
    });
    managers.push(manager);
    return manager;
  }

  /** What is shown, by type, when time has gone on by one interval and a heartbeat. */
  async function afterSync(): Promise<Record<string, string>> {
    await clock.asleep(3);
    await clock.advance(SYNC_MS);
    return shownNow();
  }
  async function shownNow(): Promise<Record<string, string>> {
    // Whatever runs in the writer's thread is over when it answers.
    for (let i = 0; i < 5; i += 1) {
      await broker.ping();
      await settle();
    }
    const entries = await broker.schedulerEntries.entries();
    return Object.fromEntries(entries.map(({ type, spec, id }) => [`${type} ${spec}`, id]));
  }

  test('adds, removes and keeps entries at each look', async () => {
    await aManager(() => [
      {
        spec: '@daily',
        task: 'keep',
        payload: { a: 1 },
        queue: 'low',
        timeout: '1m',
        headers: { x: '1', y: '2' },
      },
      { spec: '@daily', task: 'go' },
      { spec: '@daily', task: 'change' },
    ]).start();
    const before = await shownNow();
    expect(Object.keys(before).sort()).toEqual(['change @daily', 'go @daily', 'keep @daily']);
    given = () => [
      { spec: '@hourly', task: 'new' },
      {
        timeout: '60s',
        headers: { y: '2', x: '1' },
        queue: 'low',
        payload: { a: 1 },
        task: 'keep',
        spec: '@daily',
      },
      { spec: '@daily', task: 'change', maxRetries: 1 },
    ];
    const after = await afterSync();
    expect(Object.keys(after).sort()).toEqual(['change @daily', 'keep @daily', 'new @hourly']);
    expect(after['keep @daily']).toBe(before['keep @daily']);
    expect(after['change @daily']).not.toBe(before['change @daily']);
  });

  test('changed headers, payloads and definitions are noticed; equal tasks count as one', async () => {
    await aManager(() => [
      { spec: '@daily', task: 'a', headers: { x: '1' } },
      { spec: '@daily', task: 'b', payload: 1 },
      { spec: '@daily', task: 'c' },
      { spec: '@daily', task: 'c' },
    ]).start();
    const before = await shownNow();
    expect(await broker.schedulerEntries.entries()).toHaveLength(3);
    given = () => [
      { spec: '@daily', task: 'a', headers: { x: '2' } },
      { spec: '@daily', task: 'b', payload: 2 },
      { spec: '@daily', task: 'c' },
    ];
    const after = await afterSync();
    const same = Object.keys(after).filter((name) => after[name] === before[name]);
    expect(same).toEqual(['c @daily']);
  });

  test('an error of the provider, or a task that is none, leaves everything as it is', async () => {
    await aManager(() => [{ spec: '@daily', task: 'a' }]).start();
    const before = await shownNow();
    given = () => {
      throw new Error('no file');
    };
    expect(await afterSync()).toEqual(before);
    given = () => [{ spec: '', task: 'b' }];
    expect(await afterSync()).toEqual(before);
    given = () => [null as unknown as PeriodicTask];
    expect(await afterSync()).toEqual(before);
    expect(asked).toBe(4);
    given = () => [];
    expect(await afterSync()).toEqual({});
  });

  test('at the start such an error is one; a spec that is none is logged and left out', async () => {
    const fails = aManager(() => {
      throw new Error('no file');
    });
    await expect(fails.start()).rejects.toThrow('no file');
    await expect(aManager(() => [{ spec: '@daily', task: '' }]).start()).rejects.toMatchObject({
      code: 'invalid-value',
    });
    await aManager(() => [
      { spec: 'never', task: 'a' },
      { spec: '@daily', task: 'b' },
    ]).start();
    expect(Object.keys(await shownNow())).toEqual(['b @daily']);
    expect(logged).toEqual(['a periodic task is not valid; it is left out']);
  });

  test('asks no more when it was stopped, and leaves nothing behind', async () => {
    const manager = aManager(() => [{ spec: '@daily', task: 'a' }]);
    await manager.start();
    await clock.asleep(3);
    await manager.stop();
    await clock.advance(2 * SYNC_MS);
    expect([asked, clock.sleeping]).toEqual([1, 0]);
    expect(await broker.schedulerEntries.entries()).toEqual([]);
    await expect(manager.start()).rejects.toMatchObject({ code: 'scheduler-misused' });
  });
});
