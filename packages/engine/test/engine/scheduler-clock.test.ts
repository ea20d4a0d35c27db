// What a scheduler does when its process restarts, when the clock is set, and when a call fails.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { PeriodicTaskManager } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler, type SchedulerOptions } from '../../src/asynq-scheduler/scheduler.ts';
import { Events, type EngineEvents } from '../../src/runtime/events.ts';
import { sqliteKind, type TestStore } from '../support/brokers.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;

describe('the clock of a scheduler', () => {
  let store: TestStore;
  let broker: Broker;
  let clock: FakeClock;
  /** When each task was enqueued, `hh:mm:ss` of the wall clock. */
  let fires: string[];
  let logged: string[];
  let running: { stop(): Promise<void> }[];

  beforeEach(async () => {
    store = await sqliteKind.createStore();
    broker = await store.connect();
    clock = createFakeClock(Date.UTC(2026, 4, 14, 11));
    [fires, logged, running] = [[], [], []];
  });
  afterEach(async () => {
    await Promise.all(running.map((one) => one.stop()));
    await store.remove();
  });

  const write = (_: unknown, message: string) => void logged.push(message);
  const log = { debug: write, info: write, warn: write, error: write };
  const options = (): SchedulerOptions => ({
    preEnqueue: () => void fires.push(new Date(clock.wallMs()).toISOString().slice(11, 19)),
    runtime: { clock, log },
  });

  async function started(specs: readonly string[], more: SchedulerOptions = {}): Promise<Scheduler> {
    const scheduler = new Scheduler(broker, { ...options(), ...more });
    running.push(scheduler);
    for (const spec of specs) scheduler.register(spec, { task: 'a' });
    await scheduler.start();
    await clock.waitForSleepers(2);
    return scheduler;
  }

  test('`@every 60s` fires each minute although its process restarts every 45 s', async () => {
    const endMs = clock.wallMs() + 10 * MINUTE_MS;
    while (clock.wallMs() < endMs) {
      const scheduler = await started(['@every 60s']);
      await clock.advance(45 * SECOND_MS);
      await scheduler.stop();
    }
    expect(fires).toHaveLength(10);
    expect(fires.slice(0, 2)).toEqual(['11:01:00', '11:02:00']);
  });

  test('with the profile `asynq` the interval begins at the start', async () => {
    await clock.advance(30 * SECOND_MS);
    await started(['@every 60s'], { profile: 'asynq' });
    await clock.advance(2 * MINUTE_MS);
    expect(fires).toEqual(['11:01:30', '11:02:30']);
  });

  test('an interval goes on although a provider changes the payload more often than it fires', async () => {
    let version = 0;
    const manager = new PeriodicTaskManager(broker, {
      ...options(),
      provider: () => [{ spec: '@every 5m', task: 'a', payload: (version += 1) }],
      // Both meet at 11:15.
      syncInterval: 3 * MINUTE_MS,
    });
    running.push(manager);
    await manager.start();
    await clock.waitForSleepers(3);
    await clock.advance(20 * MINUTE_MS);
    expect(fires).toEqual(['11:05:00', '11:10:00', '11:15:00', '11:20:00']);
  });

  test('goes on at once when the clock was set back by 45 minutes, and no time fires twice', async () => {
    await started(['@every 60s', '0-59 10-12 * * *', '0 11 * * *']);
    await clock.advance(2 * MINUTE_MS + 10 * SECOND_MS);
    expect(fires).toEqual(['11:01:00', '11:01:00', '11:02:00', '11:02:00']);
    clock.step(-45 * MINUTE_MS);
    await clock.advance(2 * MINUTE_MS);
    expect(fires.slice(4)).toEqual(['10:18:00', '10:18:00', '10:19:00', '10:19:00']);
    await clock.advance(45 * MINUTE_MS);
    expect(new Set(fires).size).toBe((fires.length - 1) / 2);
    expect(fires.slice(-7, -4)).toEqual(['11:00:00', '11:00:00', '11:00:00']);
    expect(fires.slice(-4)).toEqual(['11:03:00', '11:03:00', '11:04:00', '11:04:00']);
    expect(logged).toEqual([]);
  });

  test('says so when an entry fires at times that have fired, because it would be silent for long', async () => {
    const told: EngineEvents['scheduler.replanned'][] = [];
    const events = new Events();
    events.on('scheduler.replanned', (event) => void told.push(event));
    const scheduler = await started(['* * * * *', '0 11 * * *'], { runtime: { clock, log, events } });
    await clock.advance(19 * MINUTE_MS + 10 * SECOND_MS);
    clock.step(-17 * MINUTE_MS);
    fires.length = 0;
    await clock.advance(2 * MINUTE_MS);
    expect(fires).toEqual(['11:03:00', '11:04:00']);
    expect(told).toEqual([
      { scheduler: scheduler.name, entryIds: [expect.any(String)], setBackMs: expect.any(Number) },
    ]);
    expect(logged).toEqual([expect.stringContaining('the clock was set back far')]);
  });

  test.each([
    [HOUR_MS, 'was set forward'],
    [17 * MINUTE_MS, 'stood still while the machine slept'],
  ])('an entry that is late by %i ms fires once, within a second, as the clock %s', async (ms) => {
    await started(['*/5 * * * *']);
    await clock.advance(30 * SECOND_MS);
    clock.step(ms);
    await clock.advance(1_100);
    await settle();
    expect(fires).toHaveLength(1);
  });
});
