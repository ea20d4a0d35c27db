import { expect, test } from 'vitest';
import { keyOf, moveIn } from './redirects.ts';

test('a word about a move has its parts', () => {
  expect(moveIn(new Error('MOVED 3477 10.0.0.1:7001'))).toEqual({
    kind: 'moved',
    slot: 3_477,
    to: '10.0.0.1:7001',
  });
  expect(moveIn(new Error('ASK 1 :7001'))).toEqual({ kind: 'ask', slot: 1, to: ':7001' });
  expect(moveIn(new Error('ERR MOVED'))).toBeNull();
});

test('a command finds its server by its first key', () => {
  expect(keyOf(['SADD', 'asynq:queues', 'q'])).toBe('asynq:queues');
  expect(keyOf(['MEMORY', 'USAGE', 'k'])).toBe('k');
  expect(keyOf(['publish', 'asynq:cancel', 'id'])).toBeNull();
  expect(keyOf(['PING'])).toBeNull();
});
