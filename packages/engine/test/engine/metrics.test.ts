import { afterEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { DEFINITIONS, definitionOf, type MetricName } from '../../src/metrics/definitions/all.ts';
import { Events } from '../../src/runtime/events.ts';
import { Schedules } from '../../src/schedules/schedules.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { manyTasks } from '../support/factories.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

const linesOf = (text: string): string[] => text.split('\n');
const ofAsynq = (text: string): string[] => linesOf(text).filter((line) => line.includes('asynq_'));

/** Names of the labels in each line of a metric. */
function labelsIn(text: string, name: string): Set<string> {
  const found = linesOf(text).filter((line) =>
    new RegExp(`^${name}(_bucket|_sum|_count)?(\\{| )`).test(line),
  );
  return new Set(found.map((line) => [...line.matchAll(/(\w+)="/g)].map(([, label]) => label).join()));
}

describe.each(brokerKinds)('metrics on $name', (kind) => {
  let broker: Broker;
  let metrics: Metrics;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
    metrics = new Metrics(broker);
  });

  afterEach(() => metrics?.stop());

  test('have none of a queue without queues', async () => {
    const text = await metrics.text({ scope: 'broker', compat: 'asynq' });
    expect(ofAsynq(text)).toEqual([]);
    expect(text).not.toContain('queue=');
    expect(linesOf(text)).toContain('taskcenter_schedule_overdue_seconds 0');
  });

  test('count the tasks of each queue, in Asynq’s names cancelled ones as completed', async () => {
    await broker.submit.enqueue([
      ...manyTasks(3, 'p', { queue: 'orders' }),
      ...manyTasks(2, 's', { queue: 'orders', delayMs: 3_600_000 }),
      ...manyTasks(4, 'g', { queue: 'orders', group: 'g' }),
      ...manyTasks(1, 'o', { queue: 'other' }),
    ]);
    await broker.control.cancel({ queue: 'orders', id: 's0' }, {});
    await broker.control.pause('other');
    const text = await metrics.text({ compat: 'asynq' });
    const lines = linesOf(text);
    for (const line of [
      '# TYPE asynq_tasks_enqueued_total gauge',
      'asynq_tasks_enqueued_total{queue="orders",state="pending"} 3',
      'asynq_tasks_enqueued_total{queue="orders",state="scheduled"} 1',
      'asynq_tasks_enqueued_total{queue="orders",state="completed"} 1',
      'asynq_tasks_enqueued_total{queue="other",state="pending"} 1',
      'asynq_queue_size{queue="orders"} 9',
      '# TYPE asynq_tasks_processed_total counter',
      'asynq_tasks_processed_total{queue="orders"} 0',
      'asynq_queue_paused_total{queue="orders"} 0',
      'asynq_queue_paused_total{queue="other"} 1',
      '# TYPE taskcenter_queue_tasks gauge',
      'taskcenter_queue_tasks{queue="orders",state="pending"} 3',
      'taskcenter_queue_tasks{queue="orders",state="cancelled"} 1',
      'taskcenter_queue_tasks{queue="orders",state="completed"} 0',
      'taskcenter_queue_paused{queue="other"} 1',
      'taskcenter_queue_workers{queue="orders"} 0',
      'taskcenter_queue_enqueued_total{queue="orders"} 9',
      'taskcenter_queue_cancelled_total{queue="orders"} 1',
      'taskcenter_queue_started_total{queue="other"} 0',
    ]) {
      expect(lines).toContain(line);
    }
    expect(ofAsynq(text).filter((line) => line.includes('state="aggregating"'))).toEqual([]);
    expect(lines).toContain('taskcenter_queue_tasks{queue="orders",state="aggregating"} 4');
    expect(lines).toContain('taskcenter_queue_oldest_aggregating_seconds{queue="other"} 0');
    expect(ofAsynq(await new Metrics(broker).text())).toEqual([]);
  });

  test('cover all queues, also when there are more than are read in one call', async () => {
    const queues = Array.from({ length: 150 }, (_, index) => `q${index}`);
    await broker.submit.enqueue(queues.flatMap((queue) => manyTasks(1, 't', { queue })));
    const families = await metrics.families({ compat: 'asynq' });
    const sizes = families.find(({ name }) => name === 'asynq_queue_size')?.samples ?? [];
    expect(new Set(sizes.map(({ labels }) => labels['queue']))).toEqual(new Set(queues));
    expect(sizes).toHaveLength(150);
    expect(sizes.every(({ value }) => value === 1)).toBe(true);
  });

  test('have what 1,000 queues have no room for under `other`, and keep it there', async () => {
    const queues = Array.from({ length: 1_003 }, (_, index) => `q${String(index).padStart(4, '0')}`);
    await broker.submit.enqueue(queues.flatMap((queue) => manyTasks(1, 't', { queue })));
    const text = await metrics.text({ scope: 'broker' });
    const pending = linesOf(text).filter((line) => /^taskcenter_queue_tasks\{.*state="pending"/.test(line));
    expect(pending).toHaveLength(1_001);
    expect(pending).toContain('taskcenter_queue_tasks{queue="other",state="pending"} 3');
    await broker.submit.enqueue(manyTasks(1, 'u', { queue: 'a' }));
    const later = new Metrics(broker);
    expect(await later.text({ scope: 'broker' })).toContain('{queue="a",state="pending"} 1');
    await expect
      .poll(() => metrics.text({ scope: 'broker' }), { timeout: 5_000 })
      .toContain('taskcenter_queue_tasks{queue="other",state="pending"} 4');
  });

  test('reuse an answer of the broker for a second', async () => {
    let reads = 0;
    const { inspect } = broker;
    const counting = { ...inspect, queues: () => ((reads += 1), inspect.queues()) };
    const many = new Metrics({ ...broker, inspect: counting });
    await Promise.all([many.text(), many.text({ compat: 'asynq' }), many.text({ scope: 'broker' })]);
    await many.text({ scope: 'process' });
    expect(reads).toBe(1);
  });

  test('fail with the broker where only its figures are wanted, and else say that it is down', async () => {
    await broker.submit.enqueue(manyTasks(1, 't'));
    await broker.close();
    await expect(metrics.text({ scope: 'broker' })).rejects.toMatchObject({ code: 'broker-closed' });
    const lines = linesOf(await metrics.text());
    expect(lines).toContain('taskcenter_broker_up 0');
    expect(lines.filter((line) => line.startsWith('taskcenter_queue'))).toEqual([]);
  });

  test('have room and schedules from one instance for all, without a look at a task', async () => {
    await broker.submit.enqueue([
      ...manyTasks(20, 't', { queue: 'orders', payload: Buffer.alloc(10_000) }),
      ...manyTasks(1, 'u', { queue: 'small' }),
    ]);
    await new Schedules(broker).put({ id: 's', task: { task: 'x', queue: 'orders' }, cron: '0 3 * * *' });
    let looks = 0;
    const { inspect } = broker;
    const memoryUsage = (queue: string) => ((looks += 1), inspect.memoryUsage(queue));
    const measured = new Metrics({ ...broker, inspect: { ...inspect, memoryUsage } });
    measured.start();
    const asynq = { scope: 'broker', compat: 'asynq' } as const;
    const read = () => new Metrics(broker).text(asynq);
    await expect.poll(read, { timeout: 5_000 }).toContain('memory_usage_approx_bytes{queue="orders"}');
    await measured.stop();
    expect(looks).toBe(2);
    const [, bytes] = /approx_bytes\{queue="orders"\} (\d+)/.exec(await read()) ?? [];
    expect(Number(bytes)).toBeGreaterThan(200_000);
    expect(Number(bytes)).toBeLessThan(400_000);
    expect(linesOf(await read())).toContain('taskcenter_schedules{state="active"} 1');
    // Another instance takes the claim, and finds figures that are new.
    const second = new Metrics({ ...broker, inspect: { ...inspect, memoryUsage } });
    second.start();
    await second.text(asynq);
    await second.stop();
    expect(looks).toBe(2);
  });
});

describe.each(brokerKinds)('what is counted on $name', (kind) => {
  let broker: Broker;
  const events = new Events();
  const runtime = { events };

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect({ runtime });
  });

  test('has every metric of an engine after some work, each with exactly its labels', async () => {
    const metrics = new Metrics(broker, { runtime });
    metrics.start();
    const worker = new Worker(broker, { queues: ['orders'], runtime });
    let ended = 0;
    events.on('attempt.finished', () => void (ended += 1));
    worker.handle('*', ({ id }) => {
      if (id === 't0') throw new Error('no');
    });
    await broker.submit.enqueue(manyTasks(3, 't', { queue: 'orders', type: 'a:b', maxRetries: 0 }));
    await worker.start();
    await expect.poll(() => ended).toBe(3);
    events.emit('loop.stalled', { stallMs: 300, attempts: 1 });
    events.emit('leases.renewed', { queue: 'orders', leases: 1, lost: 0, sinceMs: 0, gapMs: 5_000 });
    const about = {
      queue: 'orders',
      schedule: 's',
      outcome: 'submitted',
      fireMs: 0,
      lateMs: 5,
      taskId: 't',
      tasks: 1,
    };
    events.emit('schedule.fired', about);
    events.emit('tasks.forwarded', { queue: 'orders', moved: 1, lateMs: 5 });
    await broker.inspect
      .list({ queue: 'orders', state: 'archived', limit: 1, cursor: 'none' })
      .catch(() => {});
    await expect
      .poll(() => metrics.text({ compat: 'asynq' }), { timeout: 5_000 })
      .toContain('_approx_bytes{');
    const text = await metrics.text({ compat: 'asynq' });
    await worker.stop();
    await metrics.stop();
    const lines = linesOf(text);
    expect(lines).toContain(
      'taskcenter_task_run_seconds_count{queue="orders",type="a:b",outcome="succeeded"} 2',
    );
    expect(lines).toContain(
      'taskcenter_task_run_seconds_count{queue="orders",type="a:b",outcome="archived"} 1',
    );
    expect(lines).toContain('taskcenter_tasks_running{queue="orders"} 0');
    expect(lines).toContain('taskcenter_queue_workers{queue="orders"} 1');
    const notHere = new Set<MetricName>([
      // Redis has a memory, SQLite a disk; a limit must be set.
      ...(kind.name === 'SQLite'
        ? (['taskcenter_broker_memory_bytes', 'taskcenter_broker_memory_limit_bytes'] as const)
        : (['taskcenter_broker_disk_free_bytes', 'taskcenter_broker_memory_limit_bytes'] as const)),
      // Nothing may have been collected yet.
      'nodejs_gc_duration_seconds',
    ]);
    for (const name of Object.keys(DEFINITIONS) as MetricName[]) {
      const { group, type, labels } = definitionOf(name);
      if (group === 'service' || notHere.has(name)) continue;
      const wanted = type === 'histogram' ? [[...labels, 'le'].join(), labels.join()] : [labels.join()];
      expect(labelsIn(text, name), name).toEqual(new Set(wanted));
    }
    for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) expect(DEFINITIONS).toHaveProperty(name!);
  });
});
