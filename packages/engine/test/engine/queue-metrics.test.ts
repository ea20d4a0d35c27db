import { describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { QueueMetrics } from '../../src/metrics/queue-metrics.ts';
import { brokerKinds } from '../support/brokers.ts';
import { manyTasks } from '../support/factories.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

describe.each(brokerKinds)('metrics of the queues on $name', (kind) => {
  let broker: Broker;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
  });

  test('are empty without queues', async () => {
    expect(await new QueueMetrics(broker).text()).toBe('');
  });

  test('count the tasks of each queue, cancelled ones as completed', async () => {
    await broker.submit.enqueue([
      ...manyTasks(3, 'p', { queue: 'orders' }),
      ...manyTasks(2, 's', { queue: 'orders', delayMs: 3_600_000 }),
      ...manyTasks(4, 'g', { queue: 'orders', group: 'g' }),
      ...manyTasks(1, 'o', { queue: 'other' }),
    ]);
    await broker.control.cancel({ queue: 'orders', id: 's0' }, {});
    await broker.control.pause('other');
    const lines = (await new QueueMetrics(broker).text()).split('\n');
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
    ]) {
      expect(lines).toContain(line);
    }
    expect(lines.filter((line) => line.includes('state="aggregating"'))).toEqual([]);
    expect(lines).toContain('task_center_tasks_aggregating{queue="orders"} 4');
    expect(lines).toContain('task_center_oldest_aggregating_seconds{queue="other"} 0');
  });

  test('cover all queues, also when there are more than are measured at once', async () => {
    const queues = Array.from({ length: 40 }, (_, index) => `q${index}`);
    await broker.submit.enqueue(queues.flatMap((queue) => manyTasks(1, 't', { queue })));
    const families = await new QueueMetrics(broker).families();
    const sizes = families.find(({ name }) => name === 'asynq_queue_size')?.samples ?? [];
    expect(new Set(sizes.map(({ labels }) => labels['queue']))).toEqual(new Set(queues));
    expect(sizes).toHaveLength(40);
    expect(sizes.every(({ value }) => value === 1)).toBe(true);
  });

  test('fail as a whole when the broker cannot be reached', async () => {
    await broker.submit.enqueue(manyTasks(1, 't'));
    const metrics = new QueueMetrics(broker);
    await broker.close();
    await expect(metrics.text()).rejects.toMatchObject({ code: 'broker-closed' });
  });
});
