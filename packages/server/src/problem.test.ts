import { TaskCenterError } from '@task-center/engine';
import { expect, test } from 'vitest';
import { asProblem } from './problem.ts';

const task = { id: 'a', queue: 'orders' };

test.each([
  [
    new TaskCenterError('invalid-value', { name: 'days', got: '0', expected: '1 to 90' }),
    'validation-failed',
  ],
  [new TaskCenterError('payload-too-large', { got: 5_000_000, limit: 4_194_304 }), 'too-large'],
  [new TaskCenterError('task-not-found', task), 'not-found'],
  [new TaskCenterError('queue-not-found', { queue: 'orders' }), 'not-found'],
  [new TaskCenterError('wrong-state', { ...task, state: 'active', allowed: ['scheduled'] }), 'wrong-state'],
] as const)('the error of a use case %s is the problem %s', (error, code) => {
  const problem = asProblem(error);
  expect(problem?.code).toBe(code);
});

test.each([
  new TaskCenterError('task-id-ambiguous', { id: 'a', queues: ['orders', 'refunds'] }),
  new TaskCenterError('not-a-cluster', { broker: 'redis://secret:6379' }),
  new TaskCenterError('pause-unchanged', { queue: 'orders', paused: true }),
  new TaskCenterError('queue-not-empty', { queue: 'orders', states: ['pending'] }),
])('the error %s, which no operation can cause, is a defect', (error) => {
  expect(asProblem(error)).toBeNull();
});

/** Errors that tell of the broker, each with an address that no caller may see. */
const broker = 'redis://10.9.8.7:6379';
test.each([
  new TaskCenterError('not-supported', { broker, what: 'write a backup', instead: 'Copy its file.' }),
  new TaskCenterError('broker-unavailable', { broker, outcome: 'unknown', cause: `connect ${broker}` }),
  new TaskCenterError('broker-refused', { broker, cause: `NOPERM at ${broker}` }),
  new TaskCenterError('broker-full', { broker }),
  new TaskCenterError('broker-closed', { broker }),
  new TaskCenterError('broker-unsafe', {
    broker,
    findings: [{ code: 'eviction', detail: broker, fix: broker }],
  }),
])('the problem of %s does not name the address of the broker', (error) => {
  const problem = asProblem(error);
  expect(problem?.message).not.toContain('10.9.8.7');
  expect(JSON.stringify(problem?.extra)).not.toContain('10.9.8.7');
});

test('a queue and a task that are not found are described without stored names', () => {
  expect(asProblem(new TaskCenterError('queue-not-found', { queue: 'a"b~cb' }))?.message).toBe(
    'There is no queue "a\\"b"; a queue is created by its first task.',
  );
  expect(asProblem(new TaskCenterError('task-not-found', task))?.message).toBe(
    'There is no such task, or the key may not see it.',
  );
});
