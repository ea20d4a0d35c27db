import { beforeEach, describe, expect, test } from 'vitest';
import type { LeasedTask } from '../../broker/consume.ts';
import { createFakeClock, settle, type FakeClock } from '../../../test/support/fake-clock.ts';
import { CrashIsolation, suspectedFirst } from './crash-isolation.ts';

/** Who may run beside a task that may end its process. */
describe('suspects', () => {
  let clock: FakeClock;
  let suspects: CrashIsolation;
  let started: string[];
  let back: string[];
  let running: Set<string>;
  let handedIn: () => void;
  let done: number;

  const known = new Map<string, LeasedTask>();
  const task = (id: string, crashes: number) => {
    const one = { id, crashes } as LeasedTask;
    known.set(id, one);
    return one;
  };
  const end = async (id: string) => {
    running.delete(id);
    suspects.ended(known.get(id) as LeasedTask);
    await settle();
  };

  beforeEach(() => {
    clock = createFakeClock();
    started = [];
    back = [];
    running = new Set();
    done = 0;
    suspects = new CrashIsolation({
      clock,
      running: () => running.size,
      start({ id }) {
        started.push(id);
        running.add(id);
      },
      giveBack: ({ id }) => void back.push(id),
      handedIn: () => new Promise((resolve) => (handedIn = resolve)),
      onDone: () => void (done += 1),
    });
  });

  test('are tasks that took two workers with them; others start at once', () => {
    expect(suspects.takes(task('a', 0))).toBe(false);
    expect(suspects.takes(task('b', 1))).toBe(false);
    expect(suspects.busy).toBe(false);
  });

  test('start at once when nothing runs and nothing else is held; all that comes meanwhile is given back', async () => {
    expect(suspects.takes(task('s', 2))).toBe(true);
    expect(suspects.takes(task('s2', 2))).toBe(true);
    expect(suspects.takes(task('late', 0))).toBe(true);
    expect(back).toEqual(['s2', 'late']);
    await settle();
    expect(started).toEqual([]);
    expect(suspects.busy).toBe(true);
    handedIn();
    await settle();
    expect(started).toEqual(['s']);
    expect(suspects.waiting).toBeUndefined();
    expect(done).toBe(0);
    await end('s');
    expect([suspects.busy, done]).toEqual([false, 1]);
    expect(suspects.takes(task('late', 0))).toBe(false);
  });

  test('are given back while others run, and nothing is taken until these have ended', async () => {
    running.add('early');
    expect(suspects.takes(task('s', 2))).toBe(true);
    expect(suspects.takes(task('late', 0))).toBe(true);
    expect(back).toEqual(['s', 'late']);
    expect([suspects.busy, suspects.waiting]).toEqual([true, undefined]);
    await settle();
    expect(done).toBe(0);
    await end('early');
    expect([suspects.busy, done]).toEqual([false, 1]);
  });

  test('wait a second at most for others, and stay alone no longer than that', async () => {
    running.add('long');
    suspects.takes(task('s', 2));
    await clock.asleep();
    await clock.advance(999);
    expect(done).toBe(0);
    await clock.advance(1);
    expect(done).toBe(1);
    suspects.takes(task('s', 2));
    handedIn();
    await settle();
    expect(started).toEqual(['s']);
    await clock.advance(999);
    expect(done).toBe(1);
    await clock.advance(1);
    expect(done).toBe(2);
  });

  test('join one another when each has had its time alone', async () => {
    for (const id of ['s1', 's2']) {
      suspects.takes(task(id, 2));
      handedIn();
      await settle();
      await clock.advance(1_000);
    }
    expect(started).toEqual(['s1', 's2']);
    expect(done).toBe(2);
    await end('s1');
    // One of them still runs, and is no other.
    suspects.takes(task('s3', 2));
    expect(suspects.waiting?.id).toBe('s3');
  });

  test('that shall not run any more are not started', async () => {
    const one = task('gone', 2);
    suspects.takes(one);
    expect(suspects.waiting).toBe(one);
    suspects.remove();
    handedIn();
    await settle();
    expect(started).toEqual([]);
    expect(done).toBe(1);
  });

  test('come before all others of a call', () => {
    const calm = [task('a', 0), task('b', 1)];
    expect(suspectedFirst(calm)).toBe(calm);
    const all = suspectedFirst([...calm, task('s', 2), task('c', 0), task('t', 5)]);
    expect(all.map(({ id }) => id)).toEqual(['s', 't', 'a', 'b', 'c']);
  });
});
