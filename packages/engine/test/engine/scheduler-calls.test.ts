// What a scheduler does when the call that enqueues a task fails.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { Submit } from '../../src/broker/submit.ts';
import { PeriodicTaskManager } from '../../src/asynq-scheduler/periodic-task-manager.ts';
import { Scheduler, type SchedulerOptions } from '../../src/asynq-scheduler/scheduler.ts';
import { TaskCenterError } from '../../src/errors/task-center-error.ts';
import { Events, type EngineEvents } from '../../src/runtime/events.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';
import { until } from '../support/until.ts';

const MINUTE_MS = 60_000;

describe.each(brokerKinds)('a firing on $name whose call fails', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let clock: FakeClock;
  /** What a call does instead of storing its tasks. */
  let failure: ((store: () => ReturnType<Submit['enqueue']>) => ReturnType<Submit['enqueue']>) | null;
  let calls: number;
  let outcomes: string[];
  let missed: EngineEvents['firing.missed'][];
  let logged: string[];
  let running: { stop(): Promise<void> }[];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    const real = await store.connect();
    const submit: Submit = {
      ...real.submit,
      enqueue(...call) {
        calls += 1;
        const enqueue = () => real.submit.enqueue(...call);
        return failure ? failure(enqueue) : enqueue();
      },
    };
    broker = { ...real, submit };
    clock = createFakeClock();
    [failure, calls, outcomes, missed, logged, running] = [null, 0, [], [], [], []];
  });
  afterEach(async () => {
    if (!available) return;
    await Promise.all(running.map((one) => one.stop()));
    await store.remove();
  });

  const write = (_: unknown, message: string) => void logged.push(message);
  const unavailable = (outcome: 'not_stored' | 'unknown') =>
    new TaskCenterError('broker-unavailable', { broker: 'b', outcome, cause: 'no answer' });

  function options(): SchedulerOptions {
    const events = new Events();
    events.on('firing.missed', (event) => void missed.push(event));
    // A log of its own for each test: a cause is told once a second by the clock that came with the log.
    const log = { debug: write, info: write, warn: write, error: write };
    return {
      postEnqueue: (outcome) => void outcomes.push('task' in outcome ? outcome.task.state : 'error'),
      runtime: { clock, log, events },
    };
  }
  async function started(...specs: readonly string[]): Promise<Scheduler> {
    const scheduler = new Scheduler(broker, options());
    running.push(scheduler);
    for (const spec of specs) scheduler.register(spec, { task: 'a' });
    await scheduler.start();
    await clock.waitForSleepers(2);
    return scheduler;
  }
  const pending = async () =>
    (await broker.inspect.list({ queue: 'default', state: 'pending', limit: 100, cursor: null })).tasks;

  test('is made up when the broker is back, and nothing was missed', async () => {
    const scheduler = await started('@every 10m');
    failure = () => Promise.reject(unavailable('not_stored'));
    await clock.advance(12 * MINUTE_MS);
    expect(outcomes).toEqual([]);
    expect(calls).toBeGreaterThan(5);
    // The pauses grow to half a minute.
    expect(calls).toBeLessThan(20);
    failure = null;
    await clock.advance(MINUTE_MS);
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual(['pending']);
    expect(await pending()).toHaveLength(1);
    expect([scheduler.missed, missed]).toEqual([0, []]);
    expect(logged).toEqual([expect.stringContaining('trying again')]);
  });

  test('is told, counted and given up when the entry fires again', async () => {
    const scheduler = await started('@every 10m', '@every 1h');
    failure = () => Promise.reject(unavailable('not_stored'));
    const plannedMs = clock.wallMs() + 10 * MINUTE_MS;
    await clock.advance(20 * MINUTE_MS);
    expect(scheduler.missed).toBe(1);
    expect(missed).toEqual([
      {
        scheduler: scheduler.name,
        entryId: expect.any(String),
        spec: '@every 10m',
        type: 'a',
        plannedMs,
        error: expect.objectContaining({ code: 'broker-unavailable' }),
      },
    ]);
    failure = null;
    await clock.advance(MINUTE_MS);
    await until(() => outcomes.length > 1);
    expect(outcomes).toEqual(['error', 'pending']);
    expect(await pending()).toHaveLength(1);
  });

  test('stores no second task when only the answer was lost', async () => {
    const scheduler = await started('@every 10m');
    failure = async (enqueue) => {
      await enqueue();
      throw unavailable('unknown');
    };
    await clock.advance(10 * MINUTE_MS);
    await until(() => logged.length > 0);
    failure = null;
    await clock.advance(MINUTE_MS);
    await until(() => outcomes.length > 0);
    expect(outcomes).toEqual(['pending']);
    expect(await pending()).toHaveLength(1);
    expect(scheduler.missed).toBe(0);
  });

  test('is not repeated when the same call would fail again, and is told at once', async () => {
    const scheduler = await started('@every 10m');
    failure = () => Promise.reject(new TaskCenterError('payload-too-large', { got: 2, limit: 1 }));
    await clock.advance(11 * MINUTE_MS);
    await until(() => outcomes.length > 0);
    expect([calls, outcomes, scheduler.missed]).toEqual([1, ['error'], 1]);
  });

  test('is repeated no more after its entry was unregistered, or the scheduler was stopped', async () => {
    const scheduler = await started('@every 10m');
    const id = scheduler.register('@every 10m', { task: 'b' });
    await settle();
    await clock.waitForSleepers(2);
    failure = () => Promise.reject(unavailable('not_stored'));
    await clock.advance(11 * MINUTE_MS);
    await scheduler.unregister(id);
    await until(() => scheduler.missed === 1);
    await scheduler.stop();
    expect(scheduler.missed).toBe(2);
    expect(clock.sleeping).toBe(0);
  });

  test('is made up by a manager of periodic tasks, too', async () => {
    const provider = () => [{ spec: '@every 10m', task: 'a' }];
    const manager = new PeriodicTaskManager(broker, { ...options(), provider, syncInterval: MINUTE_MS });
    running.push(manager);
    await manager.start();
    await clock.waitForSleepers(3);
    failure = () => Promise.reject(unavailable('not_stored'));
    await clock.advance(15 * MINUTE_MS);
    failure = null;
    await clock.advance(MINUTE_MS);
    await until(() => outcomes.length > 0);
    expect([outcomes, manager.missed]).toEqual([['pending'], 0]);
    failure = () => Promise.reject(unavailable('not_stored'));
    await clock.advance(15 * MINUTE_MS);
    expect(manager.missed).toBe(1);
  });
});
