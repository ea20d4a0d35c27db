import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Duration } from '@task-center/model';
import type { Broker } from '../../src/broker/broker.ts';
import type { SchedulerEntries } from '../../src/broker/scheduler-entries.ts';
import type { TaskToEnqueue } from '../../src/client/prepare-task.ts';
import { Inspector } from '../../src/inspector/inspector.ts';
import type { FiringOutcome } from '../../src/asynq-scheduler/firings.ts';
import { Scheduler, type SchedulerOptions } from '../../src/asynq-scheduler/scheduler.ts';
import { defineTask } from '../../src/task/define-task.ts';
import { brokerKinds, type TestStore } from '../support/brokers.ts';
import { createFakeClock, settle, type FakeClock } from '../support/fake-clock.ts';

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const HOUR_MS = 3_600_000;

/** Collects values, and lets a test wait until there are enough of them. */
class Recorder<T> {
  readonly values: T[] = [];
  readonly #watchers = new Set<() => void>();

  record(value: T): void {
    this.values.push(value);
    for (const watcher of this.#watchers) watcher();
  }

  /** Resolves when at least `count` values have been recorded. */
  reach(count: number): Promise<T[]> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.values.length >= count) resolve(this.values);
      };
      this.#watchers.add(check);
      check();
    });
  }
}

describe.each(brokerKinds)('a scheduler on $name', ({ available, createStore }) => {
  let store: TestStore;
  let broker: Broker;
  let clock: FakeClock;
  let inspector: Inspector;
  let outcomes: Recorder<FiringOutcome>;
  /** IDs of the entries whose events were recorded. */
  let recordedEvents: Recorder<string>;
  /** Number of entries each time they were published. */
  let published: Recorder<number>;
  let logged: string[];
  let schedulers: Scheduler[];

  beforeEach(async (context) => {
    if (!available) return context.skip();
    store = await createStore();
    const real = await store.connect();
    [outcomes, recordedEvents, published, logged, schedulers] = [
      new Recorder(),
      new Recorder(),
      new Recorder(),
      [],
      [],
    ];
    const watched: SchedulerEntries = {
      ...real.schedulerEntries,
      async recordEvent(entryId, event) {
        await real.schedulerEntries.recordEvent(entryId, event);
        recordedEvents.record(entryId);
      },
      async writeEntries(scheduler, entries) {
        await real.schedulerEntries.writeEntries(scheduler, entries);
        published.record(entries.entries.length);
      },
    };
    broker = { ...real, schedulerEntries: watched };
    inspector = new Inspector(broker);
    clock = createFakeClock();
  });

  afterEach(async () => {
    if (!available) return;
    await Promise.all(schedulers.map((scheduler) => scheduler.stop()));
    await store.remove();
  });

  const write = (_: unknown, message: string) => void logged.push(message);
  const log = { debug: write, info: write, warn: write, error: write };

  function aScheduler(options: SchedulerOptions = {}): Scheduler {
    const scheduler = new Scheduler(broker, {
      postEnqueue: (outcome) => outcomes.record(outcome),
      ...options,
      runtime: { clock, log, ...options.runtime },
    });
    schedulers.push(scheduler);
    return scheduler;
  }

  const pending = async (queue = 'default') =>
    (await broker.inspect.list({ queue, state: 'pending', limit: 100, cursor: null })).tasks;

  test('enqueues a task at each time, with payload and options, and records events, shown newest first', async () => {
    const scheduler = aScheduler();
    const id = scheduler.register('@every 3s', {
      task: 'report',
      payload: { a: 1 },
      queue: 'low',
      maxRetries: 7,
      retention: '1h',
    });
    expect(id).toMatch(UUID_V7);
    await scheduler.start();
    for (let firing = 1; firing <= 3; firing += 1) {
      await clock.waitForSleepers(2);
      await clock.advance(3_000);
      await recordedEvents.reach(firing);
    }
    await clock.advance(1_000);
    const tasks = await pending('low');
    expect(tasks).toHaveLength(3);
    for (const task of tasks) {
      expect(task).toMatchObject({ type: 'report', maxRetries: 7, retentionMs: HOUR_MS });
      expect(Buffer.from(task.payload ?? []).toString()).toBe('{"a":1}');
    }
    const startMs = clock.wallMs() - 10_000;
    const events = await inspector.schedulers.events(id);
    expect(events.map(({ taskId }) => taskId)).toEqual(tasks.map((task) => task.id).reverse());
    expect(events.map(({ atMs }) => atMs - startMs)).toEqual([9_000, 6_000, 3_000]);
    expect(await inspector.schedulers.events(id, { page: 2, pageSize: 2 })).toEqual(events.slice(2));
  });

  test('publishes its entries when it starts, at each heartbeat and when one is added', async () => {
    const scheduler = aScheduler({ heartbeat: 4_000 });
    const daily = scheduler.register('@daily', { task: 'b', payload: 'x', queue: 'low', timeout: '90s' });
    await scheduler.start();
    await published.reach(1);
    const startMs = clock.wallMs();
    expect(await inspector.schedulers.entries()).toEqual([
      {
        id: daily,
        spec: '@daily',
        type: 'b',
        payload: 'x',
        payloadBytes: expect.anything(),
        options: { queue: 'low', timeout: '90s' },
        optionTexts: ['Queue("low")', 'Timeout(1m30s)'],
        nextMs: startMs + 24 * HOUR_MS,
        prevMs: null,
      },
    ]);
    await clock.waitForSleepers(2);
    const every = scheduler.register('@every 5s', { task: 'a' });
    expect(await published.reach(2)).toEqual([1, 2]);
    expect((await inspector.schedulers.entries()).map(({ id }) => id)).toEqual([every, daily]);
    await clock.waitForSleepers(2);
    await clock.advance(5_000);
    await published.reach(3);
    await recordedEvents.reach(1);
    await clock.waitForSleepers(2);
    await clock.advance(4_000);
    await published.reach(4);
    const [first] = await inspector.schedulers.entries();
    expect(first).toMatchObject({ id: every, prevMs: startMs + 5_000, nextMs: startMs + 10_000 });
  });

  test('removes its entries and events when it stops, and stops firing', async () => {
    const scheduler = aScheduler();
    const id = scheduler.register('@every 2s', { task: 'a' });
    await scheduler.start();
    await clock.waitForSleepers(2);
    await clock.advance(2_000);
    await recordedEvents.reach(1);
    await scheduler.stop();
    await scheduler.stop();
    expect(await inspector.schedulers.entries()).toEqual([]);
    expect(await inspector.schedulers.events(id)).toEqual([]);
    expect(clock.sleeping).toBe(0);
    expect(await pending()).toHaveLength(1);
  });

  test('can be started only once, and not after it was stopped', async () => {
    const misused = { code: 'scheduler-misused' };
    const scheduler = aScheduler();
    await scheduler.start();
    await expect(scheduler.start()).rejects.toMatchObject(misused);
    await scheduler.stop();
    await expect(scheduler.start()).rejects.toMatchObject(misused);
    const unused = aScheduler();
    await unused.stop();
    await expect(unused.start()).rejects.toMatchObject(misused);
  });

  test('calls its hooks before and after each firing, and logs the errors that they throw', async () => {
    const calls: string[] = [];
    const scheduler = aScheduler({
      preEnqueue: ({ task }) => {
        calls.push(typeof task === 'string' ? `before ${task}` : '');
        throw new Error('no');
      },
      postEnqueue: (outcome) => {
        calls.push(`after ${'task' in outcome ? outcome.task.queue : 'error'}`);
        throw new Error('no');
      },
    });
    scheduler.register('@every 2s', { task: 'a' });
    await scheduler.start();
    await clock.waitForSleepers(2);
    await clock.advance(2_000);
    await recordedEvents.reach(1);
    expect(calls).toEqual(['before a', 'after default']);
    expect(logged).toHaveLength(2);
  });

  test('goes on without hooks that never end, and stops', async () => {
    const scheduler = aScheduler({
      preEnqueue: () => new Promise(() => {}),
      postEnqueue(outcome) {
        outcomes.record(outcome);
        return new Promise(() => {});
      },
    });
    scheduler.register('@daily', { task: 'a' });
    await scheduler.start();
    await clock.waitForSleepers(2);
    await clock.advance(24 * HOUR_MS);
    await clock.waitForSleepers(3);
    await clock.advance(5_000);
    await outcomes.reach(1);
    expect(await pending()).toHaveLength(1);
    const stopped = scheduler.stop();
    await clock.waitForSleepers(1);
    await clock.advance(5_000);
    await stopped;
    expect(logged).toEqual(Array(2).fill('a scheduler hook has not ended; its firing goes on without it'));
  });

  test('reports an error to the hook and the log without recording an event, and fires again', async () => {
    const scheduler = aScheduler();
    const id = scheduler.register('@every 2s', { task: 'a', id: 'same' });
    await scheduler.start();
    for (let firing = 1; firing <= 3; firing += 1) {
      await clock.waitForSleepers(2);
      await clock.advance(2_000);
      await outcomes.reach(firing);
    }
    const taken = { error: expect.objectContaining({ code: 'task-exists' }) };
    expect(outcomes.values).toEqual([{ task: expect.objectContaining({ id: 'same' }) }, taken, taken]);
    await scheduler.unregister(scheduler.register('@daily', { task: 'b' }));
    expect(await inspector.schedulers.events(id)).toHaveLength(1);
    expect(logged).toHaveLength(2);
  });

  test('stops firing an entry that is unregistered, and removes its history', async () => {
    const scheduler = aScheduler();
    const never = scheduler.register('@every 2s', { task: 'never' });
    await scheduler.unregister(never);
    const id = scheduler.register('@every 2s', { task: 'a' });
    await scheduler.start();
    await clock.waitForSleepers(2);
    await clock.advance(2_000);
    await recordedEvents.reach(1);
    await scheduler.unregister(id);
    expect(await inspector.schedulers.events(id)).toEqual([]);
    await clock.advance(10_000);
    await settle();
    expect((await pending()).map(({ type }) => type)).toEqual(['a']);
    await expect(scheduler.unregister(id)).rejects.toMatchObject({ code: 'entry-not-found' });
  });

  test('fires a late entry once, for its planned time, and then at the first time after now', async () => {
    let nowMs = clock.wallMs();
    const late = { ...clock, wallMs: () => nowMs, sleep: clock.sleep.bind(clock) };
    const scheduler = aScheduler({ runtime: { clock: late } });
    scheduler.register('*/5 * * * *', { task: 'a' });
    await scheduler.start();
    await published.reach(1);
    await clock.waitForSleepers(2);
    const startMs = nowMs;
    // The machine slept for 17 minutes. The loop reads the wall clock at least every 30 s.
    nowMs += 17 * 60_000;
    await clock.advance(30_000);
    await recordedEvents.reach(1);
    const earlier = published.values.length;
    scheduler.register('@yearly', { task: 'b' });
    await published.reach(earlier + 1);
    expect((await inspector.schedulers.entries()).slice(0, 1)).toMatchObject([
      { prevMs: startMs + 5 * 60_000, nextMs: startMs + 20 * 60_000 },
    ]);
    expect(await pending()).toHaveLength(1);
  });

  test('with the same unique entry as another one enqueues one task per time', async () => {
    const both = [aScheduler(), aScheduler()];
    for (const scheduler of both) scheduler.register('@every 2s', { task: 'a', payload: 1, unique: '1h' });
    await Promise.all(both.map((scheduler) => scheduler.start()));
    await clock.waitForSleepers(4);
    await clock.advance(2_000);
    await outcomes.reach(2);
    expect(await pending()).toHaveLength(1);
    expect(outcomes.values.filter((outcome) => 'error' in outcome)).toHaveLength(1);
  });
});

const anything = {
  '~standard': { version: 1, vendor: 'test', validate: (value: unknown) => ({ value }) },
} as const;

describe('a scheduler refuses', () => {
  const broker = { submit: {}, schedulerEntries: {} } as Broker;
  const invalid = expect.objectContaining({ code: 'invalid-value' });

  test.each([{ timeZone: 'Nowhere/Else' }, { heartbeat: 999 }, { heartbeat: 1_000.5 }])(
    'options that are not valid: %j',
    (options) => expect(() => new Scheduler(broker, options)).toThrow(invalid),
  );

  test.each<[string, TaskToEnqueue]>([
    ['* * * * * *', { task: 'a' }],
    ['@daily', { task: ' ' }],
    ['@daily', { task: 'a', timeout: 'soon' as Duration }],
    ['@daily', { task: 'a', payload: { n: [NaN] } }],
    ['0 0 31 2 *', { task: 'a' }],
    ['@every 1.5s', { task: 'a' }],
    ['@daily', { task: 'a', queue: 'a{b}' }],
    ['@daily', { task: 'a', maxRetries: 1.5 }],
    ['@daily', { task: 'a', unique: '10ms' }],
    ['@daily', { task: 'a', runAt: new Date(Number.NaN) }],
    ['@daily', { task: { ...defineTask('a', { payload: anything }), defaults: { queue: 'a{b}' } } }],
  ])('an entry that is not valid: %s %j', (spec, task) =>
    expect(() => new Scheduler(broker).register(spec, task)).toThrow(invalid),
  );

  test('a payload that JSON cannot express, or that is larger than its client takes', () => {
    const scheduler = new Scheduler(broker, { maxPayloadBytes: 10 });
    expect(() => scheduler.register('@daily', { task: 'a', payload: { n: 1n } })).toThrow(invalid);
    expect(() => scheduler.register('@daily', { task: 'a', payload: 'x'.repeat(9) })).toThrow(
      expect.objectContaining({ code: 'payload-too-large' }),
    );
  });
});
