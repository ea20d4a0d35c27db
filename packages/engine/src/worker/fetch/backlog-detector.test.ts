import { expect, test } from 'vitest';
import { BacklogDetector } from './backlog-detector.ts';

const full = { took: 5, room: 5, slots: 5 };

test('one full fetch is no backlog, two in a row are', () => {
  const detector = new BacklogDetector();
  expect(detector.record(full, 0)).toBe(false);
  expect(detector.record({ took: 4, room: 5, slots: 1 }, 1)).toBe(false);
  expect(detector.record(full, 2)).toBe(false);
  expect(detector.record(full, 3)).toBe(true);
});

test('a full fetch that leaves no slot for another one is a backlog', () => {
  expect(new BacklogDetector().record({ took: 1, room: 1, slots: 0 }, 0)).toBe(true);
});

test('while fetches stay full a backlog is announced every 100 ms', () => {
  const detector = new BacklogDetector();
  const announced = Array.from({ length: 301 }, (_, ms) => ms).filter((ms) => detector.record(full, ms));
  expect(announced).toEqual([1, 101, 201]);
});
