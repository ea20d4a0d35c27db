import { expect, test } from 'vitest';
import { BacklogDetector } from './backlog-detector.ts';

const full = { took: 5, room: 5, slots: 5 };

test('one full fetch says nothing, two in a row do', () => {
  const sense = new BacklogDetector();
  expect(sense.tells(full, 0)).toBe(false);
  expect(sense.tells({ took: 4, room: 5, slots: 1 }, 1)).toBe(false);
  expect(sense.tells(full, 2)).toBe(false);
  expect(sense.tells(full, 3)).toBe(true);
});

test('a full fetch that leaves no slot for another one is enough', () => {
  expect(new BacklogDetector().tells({ took: 1, room: 1, slots: 0 }, 0)).toBe(true);
});

test('while fetches stay full it is told every 100 ms', () => {
  const sense = new BacklogDetector();
  const told = Array.from({ length: 301 }, (_, ms) => ms).filter((ms) => sense.tells(full, ms));
  expect(told).toEqual([1, 101, 201]);
});
