import { expect, test } from 'vitest';
import { WatcherShare } from './watcher-share.ts';

/** A stream of chance that is the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Tasks come one by one, each to whoever of the watchers is first; of those nobody watches for, a poll takes care. */
function afterTasks(workers: number, tasks: number) {
  const random = seeded(workers);
  const crowds = Array.from({ length: workers }, () => new WatcherShare(random));
  const took = crowds.map(() => 0);
  let woken = 0;
  const any = (from: readonly WatcherShare[]) => from.at(Math.floor(random() * from.length)) as WatcherShare;
  for (let task = 0; task < tasks; task += 1) {
    const watchers = crowds.filter((crowd) => crowd.watches());
    woken += watchers.length;
    const winner = any(watchers.length > 0 ? watchers : crowds);
    for (const crowd of watchers.length > 0 ? watchers : [winner]) {
      crowd.woken(watchers.length > 0 ? 'work' : 'poll');
      crowd.answered(crowd === winner);
    }
    took[crowds.indexOf(winner)] = (took[crowds.indexOf(winner)] ?? 0) + 1;
  }
  return { wokenPerTask: woken / tasks, took };
}

test('of one or two workers all watch, whoever was lucky lately', () => {
  for (const workers of [1, 2])
    expect(afterTasks(workers, 1_000).wokenPerTask).toBeGreaterThan(workers - 0.01);
});

test('of fifty workers a task wakes a few, and each of them has its part', () => {
  const { wokenPerTask, took } = afterTasks(50, 5_000);
  expect(wokenPerTask).toBeGreaterThan(3);
  expect(wokenPerTask).toBeLessThan(12);
  expect(Math.min(...took)).toBeGreaterThan(25);
});

test('whoever finds by its poll what nobody watched for watches more', () => {
  const crowd = new WatcherShare(() => 0.5);
  for (let task = 0; task < 100; task += 1) {
    crowd.woken('work');
    crowd.answered(false);
  }
  expect(crowd.watches()).toBe(false);
  for (let poll = 0; poll < 20; poll += 1) {
    crowd.woken('poll');
    crowd.answered(true);
  }
  expect(crowd.watches()).toBe(true);
});

test('a worker that is woken for nothing again and again pauses before it fetches, and no more once it finds something', () => {
  const crowd = new WatcherShare(() => 0.5);
  const pauses = Array.from({ length: 60 }, () => {
    const ms = crowd.woken('work');
    crowd.answered(false);
    return ms;
  });
  expect(pauses.slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 0));
  expect(pauses.at(-1)).toBe(10);
  crowd.woken('work');
  crowd.answered(true);
  expect(crowd.woken('work')).toBe(0);
});
