import { expect, test } from 'vitest';
import { WatcherShare } from './watcher-share.ts';

/** Random numbers that are the same in each run (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Simulates tasks that come one by one. The fastest watcher takes each; a poll takes those that no worker watched for. */
function simulate(workers: number, tasks: number) {
  const random = seeded(workers);
  const shares = Array.from({ length: workers }, () => new WatcherShare(random));
  const took = shares.map(() => 0);
  let woken = 0;
  const any = (from: readonly WatcherShare[]) => from.at(Math.floor(random() * from.length)) as WatcherShare;
  for (let task = 0; task < tasks; task += 1) {
    const watchers = shares.filter((share) => share.decideToWatch());
    woken += watchers.length;
    const winner = any(watchers.length > 0 ? watchers : shares);
    for (const share of watchers.length > 0 ? watchers : [winner]) {
      share.onWake(watchers.length > 0 ? 'work' : 'poll');
      share.onFetched(share === winner);
    }
    took[shares.indexOf(winner)] = (took[shares.indexOf(winner)] ?? 0) + 1;
  }
  return { wokenPerTask: woken / tasks, took };
}

test('one or two workers always watch', () => {
  for (const workers of [1, 2]) expect(simulate(workers, 1_000).wokenPerTask).toBeGreaterThan(workers - 0.01);
});

test('of fifty workers a task wakes a few, and each worker gets tasks', () => {
  const { wokenPerTask, took } = simulate(50, 5_000);
  expect(wokenPerTask).toBeGreaterThan(3);
  expect(wokenPerTask).toBeLessThan(12);
  expect(Math.min(...took)).toBeGreaterThan(25);
});

test('a worker whose poll finds tasks that no worker watched for watches more often', () => {
  const share = new WatcherShare(() => 0.5);
  for (let task = 0; task < 100; task += 1) {
    share.onWake('work');
    share.onFetched(false);
  }
  expect(share.decideToWatch()).toBe(false);
  for (let poll = 0; poll < 20; poll += 1) {
    share.onWake('poll');
    share.onFetched(true);
  }
  expect(share.decideToWatch()).toBe(true);
});

test('a worker that wakes in vain again and again pauses before it fetches, until it finds something', () => {
  const share = new WatcherShare(() => 0.5);
  const pauses = Array.from({ length: 60 }, () => {
    const ms = share.onWake('work');
    share.onFetched(false);
    return ms;
  });
  expect(pauses.slice(0, 12)).toEqual(Array.from({ length: 12 }, () => 0));
  expect(pauses.at(-1)).toBe(10);
  share.onWake('work');
  share.onFetched(true);
  expect(share.onWake('work')).toBe(0);
});
