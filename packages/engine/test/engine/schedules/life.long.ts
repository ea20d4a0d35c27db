// Schedules in real time, on both kinds of broker: workers fire them.
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { EngineEvents } from '../../../src/runtime/events.ts';
import { createRuntime } from '../../../src/runtime/runtime.ts';
import { Schedules } from '../../../src/schedules/schedules.ts';
import { Worker } from '../../../src/worker/worker.ts';
import { brokerKinds, type TestStore } from '../../support/brokers.ts';
import { nextEvent } from '../../support/next-event.ts';
import { until } from '../../support/until.ts';

describe.each(brokerKinds)('on $name', ({ available, createStore }) => {
  let store: TestStore | undefined;
  let broker: Broker;
  let queues = 0;

  beforeAll(async () => {
    if (!available) return;
    store = await createStore();
    broker = await store.connect({ log: false });
  });
  afterAll(() => store?.remove());

  /** Whether schedules can be tried here. */
  const isPossible = () => available && broker.schedules !== null;

  /** A worker of a queue of its own, with its events. */
  async function startWorker(handler: () => Promise<void> | void = () => {}, queue = `q${(queues += 1)}`) {
    const runtime = createRuntime({}, broker.log);
    const worker = new Worker(broker, { queues: [queue], runtime });
    worker.handle('*', handler);
    const fired: EngineEvents['schedule.fired'][] = [];
    runtime.events.on('schedule.fired', (event) => void fired.push(event));
    await worker.start();
    onTestFinished(() => worker.stop());
    return { worker, queue, fired, events: runtime.events, schedules: new Schedules(broker) };
  }

  test('a schedule fires each second on time, is edited, paused, resumed and removed', async ({ skip }) => {
    if (!isPossible()) return skip();
    const { queue, fired, events, schedules } = await startWorker();
    const schedule = { id: queue, task: { task: 'tick', queue } };
    await schedules.put({ ...schedule, cron: '0 0 1 1 *' });
    const { version } = await schedules.put({ ...schedule, cron: '* * * * * *' });
    expect(version).toBe(2);
    await until(() => fired.length >= 2);
    const [first, second] = fired;
    expect(second!.fireMs - first!.fireMs).toBe(1_000);
    await schedules.pause(queue, { reason: 'a look' });
    const { runs, nextFireAt } = await schedules.get(queue);
    await schedules.run(queue);
    const paused = fired.length;
    await until(() => Date.now() > (nextFireAt?.getTime() ?? 0) + 1_100);
    expect(fired).toHaveLength(paused);
    expect((await schedules.fires(queue))[0]).toMatchObject({ outcome: 'manual' });
    const next = nextEvent(events, 'schedule.fired');
    const resumedMs = Date.now();
    await schedules.resume(queue);
    expect((await next).fireMs).toBeGreaterThan(resumedMs - 1_000);
    expect((await schedules.get(queue)).runs).toBeGreaterThan(runs);
    await schedules.remove(queue);
    await expect(schedules.get(queue)).rejects.toMatchObject({ code: 'schedule-not-found' });
  });

  test('the successor of a run in the queue starts as soon as that has ended', async ({ skip }) => {
    if (!isPossible()) return skip();
    let release = () => {};
    const started: number[] = [];
    const worker = await startWorker(async () => {
      started.push(performance.now());
      await new Promise<void>((resolve) => (release = resolve));
    });
    const { queue, schedules } = worker;
    onTestFinished(() => release());
    const skipped = { id: queue, cron: '* * * * * *', overlap: 'queue', maxRuns: 2 } as const;
    await schedules.put({ ...skipped, task: { task: 'slow', queue } });
    await until(() => started.length === 1);
    // The next look without that end is seconds away: it is not what starts the successor.
    const waits = async () => {
      const { nowMs, schedules: found } = await broker.schedules.get([queue]);
      const { awaitsEnd = false, nextLookMs } = found[0] ?? {};
      return awaitsEnd && (nextLookMs ?? nowMs) > nowMs + 2_500;
    };
    await until(waits);
    const queued = nextEvent(worker.events, 'schedule.fired', ({ outcome }) => outcome === 'queued');
    const releasedMs = performance.now();
    release();
    await queued;
    await until(() => started.length === 2);
    expect(started[1]! - releasedMs).toBeLessThan(1_000);
  });

  test('two workers share the schedules of a queue, and one that is gone leaves them to the other', async ({
    skip,
  }) => {
    if (!isPossible()) return skip();
    const one = await startWorker();
    const two = await startWorker(() => {}, one.queue);
    const { queue, schedules } = one;
    const ids = Array.from({ length: 20 }, (_, i) => `${queue}-${i}`);
    for (const id of ids) await schedules.put({ id, cron: '* * * * * *', task: { task: 'tick', queue } });
    const all = () => [...one.fired, ...two.fired];
    await until(() => all().length >= 40);
    await one.worker.stop();
    const before = two.fired.length;
    await until(() => two.fired.length >= before + 20);
    for (const id of ids) await schedules.remove(id);
    const fires = all().map(({ schedule, fireMs }) => `${schedule} ${fireMs}`);
    expect(new Set(fires).size).toBe(fires.length);
  });
});
