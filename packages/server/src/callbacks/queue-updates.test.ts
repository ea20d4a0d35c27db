import { describe, expect, test } from 'vitest';
import { createFakeClock } from '../../../engine/test/support/fake-clock.ts';
import { createQueueUpdates } from './queue-updates.ts';

const MANY = Array.from({ length: 5_000 }, (_, i) => `queue-${i}~cb`);

/** Updates with a fake clock, and the lists that the worker was given. */
function setUp() {
  const clock = createFakeClock();
  const lists: (readonly string[])[] = [];
  const worker = { setQueues: (queues: unknown) => void lists.push(queues as readonly string[]) };
  return { clock, lists, updates: createQueueUpdates(worker, clock) };
}

describe('the updates of the queues that are served', () => {
  test('a queue is served as soon as it is added, and one more time in no list', async () => {
    const { clock, lists, updates } = setUp();
    updates.add('orders~cb');
    await clock.advance(0);
    expect(lists).toHaveLength(1);
    expect(lists[0]).toContain('orders~cb');
    updates.replaceListed(['orders~cb']);
    updates.add('orders~cb');
    await clock.advance(1_000);
    expect(lists).toHaveLength(1);
  });

  test('queues that keep coming share a list each 50 ms', async () => {
    const { clock, lists, updates } = setUp();
    for (const queue of MANY.slice(0, 1_000)) {
      updates.add(queue);
      await clock.advance(1);
    }
    await clock.advance(50);
    expect(lists.length).toBeLessThanOrEqual(22);
    expect(lists.at(-1)).toHaveLength(1_004);
  });

  test('tasks of queues that are served, or that cannot be, cost no list', async () => {
    const { clock, updates } = setUp();
    updates.replaceListed([...MANY, 'a{b}~cb']);
    const { user } = process.cpuUsage();
    for (const queue of MANY.slice(0, 2_000)) {
      updates.add(queue);
      updates.add('a{b}~cb');
      expect(clock.sleeping).toBe(0);
    }
    // Sorting all names with each task took about 5 s.
    expect(process.cpuUsage().user - user).toBeLessThan(1_000_000);
  });

  test('a queue that is gone is served again when it is added again', async () => {
    const { clock, lists, updates } = setUp();
    updates.replaceListed(['orders~cb']);
    updates.replaceListed([]);
    expect(lists.at(-1)).not.toContain('orders~cb');
    updates.add('orders~cb');
    await clock.advance(50);
    expect(lists.at(-1)).toContain('orders~cb');
  });
});
