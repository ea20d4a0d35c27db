import { expect, test } from 'vitest';
import { callbackQueues } from './queue-order.ts';

test('critical comes before high before default before low, without any queue in use', () => {
  expect(callbackQueues([])).toEqual(['critical~cb', 'high~cb', 'default~cb', 'low~cb']);
});

test('other queues rank like default, by name', () => {
  expect(callbackQueues(['zoo~cb', 'low~cb', 'billing~cb'])).toEqual([
    'critical~cb',
    'high~cb',
    'billing~cb',
    'default~cb',
    'zoo~cb',
    'low~cb',
  ]);
});

test('queues that hold no callbacks are left out', () => {
  const queues = callbackQueues(['orders', 'default', 'critical', 'orders~1', 'orders~cb', '~cbx']);
  expect(queues).toContain('orders~cb');
  expect(queues.every((queue) => queue.endsWith('~cb'))).toBe(true);
  expect(queues).toHaveLength(5);
});

test('a name that no task can have is left out, one of 255 bytes is served', () => {
  const queues = callbackQueues([
    'a{b}~cb',
    '~cb',
    '  ~cb',
    `${'q'.repeat(255)}~cb`,
    `${'q'.repeat(256)}~cb`,
  ]);
  expect(queues).toHaveLength(5);
  expect(queues).toContain(`${'q'.repeat(255)}~cb`);
});
