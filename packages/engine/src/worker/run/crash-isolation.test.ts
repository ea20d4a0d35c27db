import { beforeEach, describe, expect, test } from 'vitest';
import type { LeasedTask } from '../../broker/consume.ts';
import type { Slot } from '../../leases/lease-memory.ts';
import { createFakeClock, settle, type FakeClock } from '../../../test/support/fake-clock.ts';
import { HeldTask } from '../held-task.ts';
import { CrashIsolation, suspectedFirst } from './crash-isolation.ts';

/** Which tasks may run beside a task that may kill its process. */
describe('suspected tasks', () => {
  let clock: FakeClock;
  let isolation: CrashIsolation;
  let started: string[];
  let back: string[];
  let running: Set<string>;
  let onDrained: () => void;
  let done: number;
  /** What was recorded of tasks: alone (+) or no longer alone (-). */
  let marks: string[];
  /** How many of the next records fail. */
  let failing: number;

  const known = new Map<string, HeldTask>();
  const aTask = (id: string, crashes: number) => ({ id, crashes }) as LeasedTask;
  const task = (id: string, crashes: number) => {
    const held = new HeldTask(aTask(id, crashes));
    held.slot = {} as Slot;
    known.set(id, held);
    return held;
  };
  const end = async (id: string) => {
    running.delete(id);
    isolation.onEnded(known.get(id) as HeldTask);
    await settle();
  };

  beforeEach(() => {
    clock = createFakeClock();
    started = [];
    back = [];
    running = new Set();
    done = 0;
    marks = [];
    failing = 0;
    isolation = new CrashIsolation({
      clock,
      running: () => running.size,
      mark({ task: { id } }, isAlone) {
        marks.push((isAlone ? '+' : '-') + id);
        failing -= 1;
        return Promise.resolve(failing < 0);
      },
      start({ task: { id } }) {
        started.push(id);
        running.add(id);
      },
      giveBack: (held) => void back.push(held.task.id),
      drained: () => new Promise((resolve) => (onDrained = resolve)),
      onDone: () => void (done += 1),
    });
  });

  test('are those that two workers were lost with; others start at once', () => {
    expect(isolation.intercept(task('a', 0))).toBe(false);
    expect(isolation.intercept(task('b', 1))).toBe(false);
    expect(isolation.isBusy).toBe(false);
  });

  test('start when nothing else is here; tasks that arrive meanwhile are given back', async () => {
    expect(isolation.intercept(task('s', 2))).toBe(true);
    expect(isolation.intercept(task('s2', 2))).toBe(true);
    expect(isolation.intercept(task('late', 0))).toBe(true);
    expect(back).toEqual(['s2', 'late']);
    await settle();
    expect(started).toEqual([]);
    expect(isolation.isBusy).toBe(true);
    onDrained();
    await settle();
    expect(started).toEqual(['s']);
    expect(done).toBe(0);
    await end('s');
    expect([isolation.isBusy, done]).toEqual([false, 1]);
    expect(isolation.intercept(task('late', 0))).toBe(false);
  });

  test('are given back while others run, and nothing is taken until those have ended', async () => {
    running.add('early');
    expect(isolation.intercept(task('s', 2))).toBe(true);
    expect(isolation.intercept(task('late', 0))).toBe(true);
    expect(back).toEqual(['s', 'late']);
    expect(isolation.isBusy).toBe(true);
    await settle();
    expect(done).toBe(0);
    await end('early');
    expect([isolation.isBusy, done]).toEqual([false, 1]);
  });

  test('wait for others for a second at most, and run alone for a second at most', async () => {
    running.add('long');
    isolation.intercept(task('s', 2));
    await clock.waitForSleepers();
    await clock.advance(999);
    expect(done).toBe(0);
    await clock.advance(1);
    expect(done).toBe(1);
    isolation.intercept(task('s', 2));
    onDrained();
    await settle();
    expect(started).toEqual(['s']);
    await clock.advance(999);
    expect(done).toBe(1);
    await clock.advance(1);
    expect(done).toBe(2);
  });

  /** A suspected task has had its time alone, and still runs. */
  const survive = async (id: string) => {
    isolation.intercept(task(id, 2));
    onDrained();
    await settle();
    await clock.advance(1_000);
    await settle();
  };

  test('may run beside one another when each has had its time alone', async () => {
    await survive('s1');
    // It takes back the mark of the first one.
    isolation.intercept(task('s2', 2));
    await settle();
    await survive('s2');
    expect(started).toEqual(['s1', 's2']);
    expect(done).toBe(3);
    await end('s1');
    // A survivor still runs. It does not count as another task.
    isolation.intercept(task('s3', 2));
    onDrained();
    await settle();
    expect(started).toEqual(['s1', 's2', 's3']);
  });

  test('are marked as alone before they start, and stay so while nothing else runs', async () => {
    isolation.intercept(task('s', 2));
    onDrained();
    expect(started).toEqual([]);
    await settle();
    expect([marks, started]).toEqual([['+s'], ['s']]);
    await clock.advance(5_000);
    await end('s');
    expect(isolation.intercept(task('late', 0))).toBe(false);
    expect(marks).toEqual(['+s']);
  });

  test('that survive lose their mark before anything else starts', async () => {
    await survive('s');
    expect(isolation.intercept(task('a', 0))).toBe(true);
    expect(isolation.intercept(task('b', 0))).toBe(true);
    expect([back, marks, done]).toEqual([['a', 'b'], ['+s', '-s'], 1]);
    await settle();
    expect([isolation.isBusy, done]).toEqual([false, 2]);
    expect(isolation.intercept(task('a', 0))).toBe(false);
  });

  test('that survive beside others lose their mark at once', async () => {
    await survive('s1');
    isolation.intercept(task('s2', 2));
    await settle();
    await survive('s2');
    expect(marks).toEqual(['+s1', '-s1', '+s2', '-s2']);
  });

  test('keep others waiting until their mark is taken back', async () => {
    await survive('s');
    failing = 2;
    isolation.intercept(task('a', 0));
    await settle();
    await clock.advance(1_000);
    await settle();
    expect([isolation.isBusy, marks]).toEqual([true, ['+s', '-s', '-s']]);
    await clock.advance(1_000);
    await settle();
    expect([isolation.isBusy, marks]).toEqual([false, ['+s', '-s', '-s', '-s']]);
  });

  test.each<[string, (held: HeldTask) => void]>([
    ['lost their lease', (held) => (held.slot = undefined)],
    ['were given back', (held) => held.giveBack()],
  ])('are not started after they %s', async (_, leave) => {
    const held = task('gone', 2);
    isolation.intercept(held);
    leave(held);
    onDrained();
    await settle();
    expect(started).toEqual([]);
    expect(done).toBe(1);
  });

  test('come before all others of a call', () => {
    const unsuspected = [aTask('a', 0), aTask('b', 1)];
    expect(suspectedFirst(unsuspected)).toBe(unsuspected);
    const all = suspectedFirst([...unsuspected, aTask('s', 2), aTask('c', 0), aTask('t', 5)]);
    expect(all.map(({ id }) => id)).toEqual(['s', 't', 'a', 'b', 'c']);
  });
});
