import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { createFakeClock } from '../../test/support/fake-clock.ts';
import { systemClock } from './clock.ts';

describe('the system clock', () => {
  test('tells the time in whole milliseconds', () => {
    const before = Date.now();
    const ms = systemClock.wallMs();
    expect(Number.isInteger(ms)).toBe(true);
    expect(ms).toBeGreaterThanOrEqual(before);
  });

  test('sleeps for at least the given time', async () => {
    const startedMs = systemClock.monotonicMs();
    await systemClock.sleep(20);
    // A timer may fire up to a millisecond before its time.
    expect(systemClock.monotonicMs() - startedMs).toBeGreaterThan(18.9);
  });

  test('does not sleep for 0 ms, for less, or after an abort', async () => {
    await systemClock.sleep(0);
    await systemClock.sleep(-5);
    await systemClock.sleep(3_600_000, AbortSignal.abort());
  });

  test('wakes at an abort and leaves no listener', async () => {
    const stop = new AbortController();
    const sleep = systemClock.sleep(3_600_000, stop.signal);
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
    stop.abort();
    await sleep;
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
  });

  test('leaves no listener after a complete sleep', async () => {
    const { signal } = new AbortController();
    await systemClock.sleep(1, signal);
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  });

  test('sleeps for months without waking at once', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let woken = false;
      const days = 86_400_000;
      const sleep = systemClock.sleep(60 * days).then(() => {
        woken = true;
        return undefined;
      });
      await vi.advanceTimersByTimeAsync(59 * days);
      expect(woken).toBe(false);
      await vi.advanceTimersByTimeAsync(1 * days);
      expect(woken).toBe(true);
      await sleep;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a timer of the system clock', () => {
  test('calls once after its time, or every time again, until it is cancelled', async () => {
    const calls: string[] = [];
    const ended = new Promise<void>((resolve) => {
      systemClock.after(5, () => calls.push('cancelled')).cancel();
      systemClock.after(5, () => calls.push('once'));
      const timer = systemClock.every(10, () => {
        calls.push('again');
        if (calls.length < 4) return;
        timer.cancel();
        resolve();
      });
    });
    await ended;
    await systemClock.sleep(30);
    expect(calls).toEqual(['once', 'again', 'again', 'again']);
  });
});

describe('the fake clock of tests', () => {
  test('stands still until it is advanced, and wakes sleepers in order at their times', async () => {
    const clock = createFakeClock(1_000);
    const woken: [string, number][] = [];
    const sleeper = async (name: string, ms: number) => {
      await clock.sleep(ms);
      woken.push([name, clock.wallMs()]);
    };
    const all = [sleeper('b', 20), sleeper('a', 10), sleeper('c', 30)];
    expect(clock.sleeping).toBe(3);
    await clock.advance(25);
    expect(woken).toEqual([
      ['a', 1_010],
      ['b', 1_020],
    ]);
    expect(clock.wallMs()).toBe(1_025);
    await clock.advance(5);
    await Promise.all(all);
    expect(clock.monotonicMs()).toBe(30);
  });

  test('calls timers at their times until they are cancelled', async () => {
    const clock = createFakeClock();
    const calls: [string, number][] = [];
    const called = (name: string) => () => void calls.push([name, clock.monotonicMs()]);
    clock.after(15, called('once'));
    clock.after(15, called('cancelled')).cancel();
    const timer = clock.every(10, called('again'));
    await clock.advance(20);
    timer.cancel();
    await clock.advance(100);
    expect(calls).toEqual([
      ['again', 10],
      ['once', 15],
      ['again', 20],
    ]);
  });
});
