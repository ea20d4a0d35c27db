import { expect, test } from 'vitest';
import { createFakeClock } from '../../test/support/fake-clock.ts';
import { Needs, type QueueNeeds } from './needs.ts';

const IDLE = { atMs: 0, isLeased: false, nextDueMs: null, nextInMs: null, isUntidy: false };

function setUp() {
  const clock = createFakeClock();
  let names: readonly string[] = ['a', 'b'];
  const needs = new Needs(() => names, clock);
  return { clock, needs, rename: (...others: string[]) => (names = others) };
}

test('a survey that began before the forwarder found a due time does not take it away', () => {
  const { needs } = setUp();
  const [queue] = needs.all() as [QueueNeeds];
  const { forwards } = queue;
  needs.recordForward(queue, { nextDueMs: 5_000, nextInMs: 5_000 });
  needs.recordSurvey(queue, IDLE, forwards);
  expect(needs.nextDueInMs()).toBe(5_000);
  needs.recordSurvey(queue, IDLE, queue.forwards);
  expect(needs.nextDueInMs()).toBe(Infinity);
});

test('a wake-up stays until the forwarder has looked, whatever a survey says meanwhile', () => {
  const { needs } = setUp();
  const [queue] = needs.all() as [QueueNeeds];
  needs.recordWakeUp('a', null);
  needs.recordSurvey(queue, { ...IDLE, nextDueMs: 9_000, nextInMs: 9_000 }, queue.forwards);
  expect(needs.due()).toEqual([queue]);
});

test('a wake-up that tells the due time needs no look, and is newer than a survey that began before', () => {
  const { needs } = setUp();
  const [queue] = needs.all() as [QueueNeeds];
  const { forwards } = queue;
  needs.recordWakeUp('a', { nextDueMs: 9_000, nextInMs: 9_000 });
  needs.recordSurvey(queue, IDLE, forwards);
  expect(needs.due()).toEqual([]);
  expect(needs.nextDueInMs()).toBe(9_000);
  expect(queue.nextDueMs).toBe(9_000);
});

test('a due time that comes nearer because a clock was put forward is news', () => {
  const { needs } = setUp();
  const [queue] = needs.all() as [QueueNeeds];
  const due = { ...IDLE, nextDueMs: 90_000, nextInMs: 90_000 };
  expect(needs.recordSurvey(queue, due, 0)).toMatchObject({ isDue: true });
  expect(needs.recordSurvey(queue, due, 0)).toMatchObject({ isDue: false });
  expect(needs.recordSurvey(queue, { ...due, nextInMs: 0 }, 0)).toMatchObject({ isDue: true });
  expect(needs.due()).toEqual([queue]);
});

test('queues keep what is known of them when others come and go', () => {
  const { needs, rename, clock } = setUp();
  const [a] = needs.all() as [QueueNeeds];
  needs.recordSurvey(a, { ...IDLE, isLeased: true }, 0);
  rename('c', 'a');
  expect(needs.all().map(({ queue, isSurveyed }) => [queue, isSurveyed])).toEqual([
    ['c', false],
    ['a', true],
  ]);
  expect(needs.leased()).toEqual([a]);
  expect(needs.leased()[0]?.leasedUntilMs).toBeGreaterThan(clock.monotonicMs());
});
