import { expect, test } from 'vitest';
import { slotOf, tagOf } from './slots.ts';

test.each([
  ['asynq:{default}:pending', 5_718],
  ['asynq:queues', 3_477],
  ['123456789', 12_739],
  ['foo{}{bar}', 8_363],
  ['', 0],
])('the slot of "%s" is %i', (key, slot) => {
  expect(slotOf(key)).toBe(slot);
});

test('keys with the same hash tag share a slot, also with unusual names', () => {
  expect(slotOf('tc:{a}b}:tok')).toBe(slotOf('asynq:{a}:pending'));
  expect(slotOf('asynq:{ä}:pending')).toBe(slotOf('ä'));
  expect(tagOf('asynq:queues')).toBeNull();
  expect(tagOf('x{}y{z}')).toBeNull();
});
