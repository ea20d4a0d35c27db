import { expect, test } from 'vitest';
import { firstKeyOf, redirectIn } from './redirects.ts';

test('a redirect is read from MOVED and ASK replies only', () => {
  expect(redirectIn(new Error('MOVED 3477 10.0.0.1:7001'))).toEqual({
    kind: 'moved',
    slot: 3_477,
    to: '10.0.0.1:7001',
  });
  expect(redirectIn(new Error('ASK 1 :7001'))).toEqual({ kind: 'ask', slot: 1, to: ':7001' });
  expect(redirectIn(new Error('ERR MOVED'))).toBeNull();
});

test('a command is sent by its first key, where it has one', () => {
  expect(firstKeyOf(['SADD', 'asynq:queues', 'q'])).toBe('asynq:queues');
  expect(firstKeyOf(['MEMORY', 'USAGE', 'k'])).toBe('k');
  expect(firstKeyOf(['publish', 'asynq:cancel', 'id'])).toBeNull();
  expect(firstKeyOf(['PING'])).toBeNull();
});
