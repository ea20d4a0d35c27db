import { expect, test } from 'vitest';
import { polling } from '../runtime/clock.ts';
import { ManualClock } from './manual-clock.ts';

const START_MS = Date.UTC(2026, 0, 1);

/** A clock whose sleepers say that they woke. */
function setUp() {
  const clock = new ManualClock(START_MS);
  const woken: string[] = [];
  const settle = () => new Promise((resolve) => void setImmediate(resolve));
  const sleep = (name: string, sleeping: Promise<void>) => void sleeping.then(() => woken.push(name));
  const moveTo = async (ms: number) => {
    clock.moveTo(ms);
    clock.wakeDue();
    await settle();
  };
  return { clock, woken, sleep, moveTo, settle };
}

test('sleepers wake at their times, those of one move in the order of their times', async () => {
  const { clock, woken, sleep, moveTo } = setUp();
  sleep('30', clock.sleep(30));
  sleep('10', clock.sleep(10));
  sleep('20', clock.sleep(20));
  expect(clock.nextDueMs).toBe(10);
  await moveTo(9);
  expect(woken).toEqual([]);
  await moveTo(25);
  expect(woken).toEqual(['10', '20']);
  expect(clock.wallMs()).toBe(START_MS + 25);
  expect(clock.nextDueMs).toBe(30);
});

test('no sleeper wakes early: fractions of a ms are rounded up, and time never goes back', async () => {
  const { clock, woken, sleep, moveTo } = setUp();
  sleep('1.2', clock.sleep(1.2));
  await moveTo(1);
  expect(woken).toEqual([]);
  await moveTo(2);
  await moveTo(0);
  expect([woken, clock.monotonicMs()]).toEqual([['1.2'], 2]);
});

test('a poll wakes when looks are due, and is nothing at which time has to stop', async () => {
  const { clock, woken, sleep, moveTo, settle } = setUp();
  sleep('poll', polling(clock).sleep(10));
  sleep('next fire', polling(clock, 60).sleep(10));
  expect([clock.nextLookMs, clock.nextDueMs]).toEqual([10, 60]);
  await moveTo(60);
  expect(woken).toEqual(['next fire']);
  clock.wakeLooks();
  await settle();
  expect(woken).toEqual(['next fire', 'poll']);
});

test('a sleep ends at once when its signal aborts, and does not begin when it has aborted', async () => {
  const { clock, woken, sleep, settle } = setUp();
  const stop = new AbortController();
  sleep('aborted', clock.sleep(10, stop.signal));
  stop.abort();
  sleep('never began', clock.sleep(10, stop.signal));
  await settle();
  expect([woken, clock.nextDueMs]).toEqual([['aborted', 'never began'], Infinity]);
});

test('timers fire once or again and again until they are cancelled', async () => {
  const { clock, woken, moveTo } = setUp();
  const every = clock.every(10, () => woken.push('every')).unref();
  clock.after(15, () => woken.push('after'));
  clock.after(25, () => woken.push('cancelled')).cancel();
  await moveTo(10);
  await moveTo(15);
  await moveTo(20);
  every.cancel();
  await moveTo(100);
  expect(woken).toEqual(['every', 'after', 'every']);
});
