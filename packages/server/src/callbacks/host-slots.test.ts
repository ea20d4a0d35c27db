import type { LeasedTask } from '@task-center/engine';
import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../../../engine/test/support/fake-clock.ts';
import { HostSlots } from './host-slots.ts';

const LACK = { code: 'EMFILE', text: 'none left', isLack: true };

describe('the slots of callbacks', () => {
  let clock: FakeClock;
  let slots: HostSlots;
  let fetches: number;

  const to = (host: string) =>
    ({ meta: { callback: { url: `https://${host}/hook` } } }) as unknown as LeasedTask;

  /** Takes tasks to a host; returns those that have started. */
  function take(host: string, count: number): LeasedTask[] {
    const tasks = Array.from({ length: count }, () => to(host));
    return tasks.filter((task) => {
      if (slots.judge(task)) return false;
      slots.onStarted(task);
      return true;
    });
  }

  /** Fills the slots with callbacks to a host, and waits until they are known to hang. */
  async function fill(host: string): Promise<LeasedTask[]> {
    const tasks = take(host, slots.room());
    expect(slots.room()).toBe(0);
    await clock.advance(200);
    return tasks;
  }

  beforeEach(() => {
    clock = createFakeClock();
    fetches = 0;
    slots = new HostSlots({ concurrency: 256, clock });
    slots.attach(() => void (fetches += 1));
  });

  test('are as many as are configured, for one host as well', () => {
    expect(slots.room()).toBe(256);
    expect(take('a', 300)).toHaveLength(256);
  });

  test('that hang: others are taken for the reserved ones, and those of the full host are deferred', async () => {
    await fill('slow');
    expect(fetches).toBe(1);
    expect(slots.room()).toBe(16);
    expect(take('slow', 16)).toEqual([]);
    expect(slots.room()).toBeGreaterThan(64);
    expect(take('good', 1)).toHaveLength(1);
    expect(slots.judge(to('slow'))?.reason).toBe(
      'waits for its host: 256 callbacks to https://slow are under way',
    );
  });

  test('no host gets all of the reserved ones: some are left for the next', async () => {
    await fill('slow');
    const counts = ['a', 'b', 'c', 'd', 'e'].map((host) => take(host, 20).length);
    expect(counts).toEqual([8, 4, 2, 1, 1]);
    expect(take('slow', 1)).toEqual([]);
  });

  test('that end 200 callbacks a second: nothing is deferred', async () => {
    let running = await fill('busy');
    for (let window = 0; window < 5; window += 1) {
      for (const task of running.slice(0, 45)) slots.onEnded(task);
      running = [...running.slice(45), ...take('busy', 45)];
      await clock.advance(200);
      if (window > 0) expect(slots.room()).toBe(0);
    }
  });

  test('those of a full host come back one after the other: 200 in a second, however many they are', async () => {
    await fill('slow');
    const delays = Array.from({ length: 10_000 }, () => Number(slots.judge(to('slow'))?.delay ?? 0));
    expect(delays[0]).toBeLessThanOrEqual(300);
    expect(delays.at(-1)).toBeGreaterThan(49_000);
    const perSecond = new Map<number, number>();
    for (const ms of delays)
      perSecond.set(Math.floor(ms / 1_000), (perSecond.get(Math.floor(ms / 1_000)) ?? 0) + 1);
    expect(Math.max(...perSecond.values())).toBeLessThanOrEqual(210);
  });

  test('at most 5,000 are deferred in a second', async () => {
    await fill('slow');
    let deferred = 0;
    for (let ms = 0; ms < 1_000; ms += 5) {
      for (let room = slots.room(); room > 0; room = slots.room()) {
        take('slow', room);
        deferred += room;
      }
      await clock.advance(5);
    }
    expect(deferred).toBeGreaterThan(4_000);
    expect(deferred).toBeLessThanOrEqual(5_300);
  });

  test('once all that is pending was looked at, it is looked at again 200 ms later', async () => {
    await fill('slow');
    slots.onFetched(false);
    expect(slots.room()).toBe(0);
    await clock.advance(200);
    expect(slots.room()).toBeGreaterThan(0);
  });

  test('are free again when their callbacks have ended', async () => {
    const running = await fill('slow');
    for (const task of running) slots.onEnded(task);
    expect(slots.room()).toBe(256);
    expect(take('slow', 300)).toHaveLength(256);
  });

  test('are half of those in use after a lack, and one more with each second that works', async () => {
    const running = take('a', 100);
    for (let i = 0; i < 20; i += 1) slots.onLack(LACK);
    expect(slots.room()).toBe(0);
    for (const task of running) slots.onEnded(task);
    expect(slots.room()).toBe(50);
    await clock.advance(1_000);
    expect(slots.room()).toBe(50);
    for (let second = 1; second <= 3; second += 1) {
      slots.onSent();
      await clock.advance(1_000);
      expect(slots.room()).toBe(50 + second);
    }
    slots.onLack(LACK);
    expect(slots.room()).toBe(1);
    for (let second = 0; second < 300; second += 1) {
      slots.onSent();
      await clock.advance(1_000);
    }
    expect(slots.room()).toBe(256);
    expect(clock.sleeping).toBe(0);
  });

  test('a refusal that has nothing to do with their number leaves it as it is', () => {
    slots.onLack({ code: 'EPERM', text: 'not permitted', isLack: false });
    expect(slots.room()).toBe(256);
  });
});
