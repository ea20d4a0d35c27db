import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { PeriodicTaskManager, type PeriodicTask } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { sqliteKind, type TestStore } from '../support/brokers.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const SYNC_MS = 60_000;

describe('the manager of periodic tasks', () => {
  let store: TestStore;
  let broker: Broker;
  let clock: FakeClock;
  let provided: () => readonly PeriodicTask[];
  let providerCalls: number;
  let logged: string[];
  let managers: PeriodicTaskManager[];

  beforeEach(async () => {
    store = await sqliteKind.createStore();
    broker = await store.connect();
    clock = createFakeClock();
    [providerCalls, logged, managers] = [0, [], []];
  });
  afterEach(async () => {
    await Promise.all(managers.map((manager) => manager.stop()));
    await store.remove();
  });

  const write = (_: unknown, message: string) => void logged.push(message);
  const log = { debug: write, info: write, warn: write, error: write };

  function aManager(tasks: typeof provided): PeriodicTaskManager {
    provided = tasks;
    const manager = new PeriodicTaskManager(broker, {
      provider: () => {
        providerCalls += 1;
        return provided();
      },
      syncInterval: SYNC_MS,
      heartbeat: 1_000,
      runtime: { clock, log },
    });
    managers.push(manager);
    return manager;
  }

  /** IDs of the published entries by type and spec, after the next synchronization. */
  async function publishedAfterSync(): Promise<Record<string, string>> {
    await clock.waitForSleepers(3);
    await clock.advance(SYNC_MS);
    return publishedNow();
  }
  async function publishedNow(): Promise<Record<string, string>> {
    // The writer thread answers in order: earlier calls have ended when a ping is answered.
    for (let round = 0; round < 5; round += 1) {
      await broker.ping();
      await settle();
    }
    const entries = await broker.schedulerEntries.entries();
    return Object.fromEntries(entries.map(({ type, spec, id }) => [`${type} ${spec}`, id]));
  }

  test('adds, removes and keeps entries at each synchronization', async () => {
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
    const before = await publishedNow();
    expect(Object.keys(before).sort()).toEqual(['change @daily', 'go @daily', 'keep @daily']);
    provided = () => [
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
    const after = await publishedAfterSync();
    expect(Object.keys(after).sort()).toEqual(['change @daily', 'keep @daily', 'new @hourly']);
    expect(after['keep @daily']).toBe(before['keep @daily']);
    expect(after['change @daily']).not.toBe(before['change @daily']);
  });

  test('notices changed headers and payloads, and counts equal tasks as one', async () => {
    await aManager(() => [
      { spec: '@daily', task: 'a', headers: { x: '1' } },
      { spec: '@daily', task: 'b', payload: 1 },
      { spec: '@daily', task: 'c' },
      { spec: '@daily', task: 'c' },
    ]).start();
    const before = await publishedNow();
    expect(await broker.schedulerEntries.entries()).toHaveLength(3);
    provided = () => [
      { spec: '@daily', task: 'a', headers: { x: '2' } },
      { spec: '@daily', task: 'b', payload: 2 },
      { spec: '@daily', task: 'c' },
    ];
    const after = await publishedAfterSync();
    const same = Object.keys(after).filter((name) => after[name] === before[name]);
    expect(same).toEqual(['c @daily']);
  });

  test('changes nothing when the provider fails or returns a task without spec or type', async () => {
    await aManager(() => [{ spec: '@daily', task: 'a' }]).start();
    const before = await publishedNow();
    provided = () => {
      throw new Error('no file');
    };
    expect(await publishedAfterSync()).toEqual(before);
    provided = () => [{ spec: '', task: 'b' }];
    expect(await publishedAfterSync()).toEqual(before);
    provided = () => [null as unknown as PeriodicTask];
    expect(await publishedAfterSync()).toEqual(before);
    expect(providerCalls).toBe(4);
    provided = () => [];
    expect(await publishedAfterSync()).toEqual({});
  });

  test('does not start when the provider fails or a task has no type; logs and leaves out an invalid spec', async () => {
    const fails = aManager(() => {
      throw new Error('no file');
    });
    await expect(fails.start()).rejects.toThrow('no file');
    await expect(aManager(() => [{ spec: '@daily', task: '' }]).start()).rejects.toMatchObject({
      code: 'invalid-value',
    });
    await aManager(() => [
      { spec: 'never', task: 'a' },
      { spec: '0 0 31 2 *', task: 'a' },
      { spec: '@daily', task: 'a', queue: 'a{b}' },
      { spec: '@daily', task: 'a', payload: 'x'.repeat(300_000) },
      { spec: '@daily', task: 'b' },
    ]).start();
    expect(Object.keys(await publishedNow())).toEqual(['b @daily']);
    expect(logged).toEqual(Array(4).fill('a periodic task is not valid and was left out'));
  });

  test('calls the provider no more after it was stopped, and removes its entries', async () => {
    const manager = aManager(() => [{ spec: '@daily', task: 'a' }]);
    await manager.start();
    await clock.waitForSleepers(3);
    await manager.stop();
    await clock.advance(2 * SYNC_MS);
    expect([providerCalls, clock.sleeping]).toEqual([1, 0]);
    expect(await broker.schedulerEntries.entries()).toEqual([]);
    await expect(manager.start()).rejects.toMatchObject({ code: 'scheduler-misused' });
  });
});
