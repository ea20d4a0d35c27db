import { expect, test } from 'vitest';
import { callbackQueues } from './queue-order.ts';

test('the built-in queues are always served: critical, high, default, low', () => {
  expect(callbackQueues([])).toEqual(['critical~cb', 'high~cb', 'default~cb', 'low~cb']);
});

test('other queues rank like default, sorted by name', () => {
  expect(callbackQueues(['zoo~cb', 'low~cb', 'billing~cb'])).toEqual([
    'critical~cb',
    'high~cb',
    'billing~cb',
    'default~cb',
    'zoo~cb',
    'low~cb',
  ]);
});

test('queues of handler tasks are left out', () => {
  const queues = callbackQueues(['orders', 'default', 'critical', 'orders~1', 'orders~cb', '~cbx']);
  expect(queues).toContain('orders~cb');
  expect(queues.every((queue) => queue.endsWith('~cb'))).toBe(true);
  expect(queues).toHaveLength(5);
});

test('a name that the engine does not allow is left out; one of 255 bytes is served', () => {
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
