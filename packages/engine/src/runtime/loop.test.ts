import { describe, expect, test } from 'vitest';
import { createFakeClock, settle } from '../../test/support/fake-clock.ts';
import { nextEvent } from '../../test/support/next-event.ts';
import type { LogFields } from './log.ts';
import { createLoop, type LoopDeps } from './loop.ts';
import { createRuntime } from './runtime.ts';

/** A loop on a fake clock. */
function aLoop(step: LoopDeps['step'], failureMs?: number) {
  const clock = createFakeClock();
  const warnings: LogFields[] = [];
  const log = { debug() {}, info() {}, error() {}, warn: (fields: LogFields) => void warnings.push(fields) };
  const runtime = createRuntime({ clock, log });
  const deps = { name: 'tester', runtime, step };
  const loop = createLoop(failureMs === undefined ? deps : { ...deps, failureMs });
  return { loop, clock, runtime, warnings };
}

describe('a loop', () => {
  test('runs a step at once, and the next one after the time that the step returned', async () => {
    const times: number[] = [];
    const { loop, clock } = aLoop(() => {
      times.push(clock.monotonicMs());
      return Promise.resolve(100);
    });
    loop.start();
    await clock.waitForSleepers();
    await clock.advance(250);
    await loop.stop();
    expect(times).toEqual([0, 100, 200]);
  });

  test('does not sleep after a step that returned 0', async () => {
    let steps = 0;
    const { loop, clock } = aLoop(() => {
      steps += 1;
      return Promise.resolve(steps < 5 ? 0 : 1_000);
    });
    loop.start();
    await clock.waitForSleepers();
    expect(steps).toBe(5);
    await loop.stop();
  });

  test('can be woken from a pause while what it waits for never ends', async () => {
    let steps = 0;
    const until = () => new Promise<never>(() => {});
    const { loop, clock } = aLoop(() => {
      steps += 1;
      return Promise.resolve({ ms: 60_000, until });
    });
    loop.start();
    await clock.waitForSleepers();
    loop.wake();
    await settle();
    expect(steps).toBe(2);
    await loop.stop();
  });

  test('ends a pause early when what it waits for happens, and goes on when that fails', async () => {
    const times: number[] = [];
    const waits = [() => clock.sleep(30), () => Promise.reject(new Error('out of reach')), undefined];
    const { loop, clock, warnings } = aLoop(() => {
      times.push(clock.monotonicMs());
      const until = waits[times.length - 1];
      return Promise.resolve({ ms: 100, ...(until && { until }) });
    });
    loop.start();
    await clock.waitForSleepers();
    await clock.advance(250);
    await loop.stop();
    expect(times).toEqual([0, 30, 130, 230]);
    expect(warnings).toEqual([]);
  });

  test('ends what a pause waits for when it is woken or stops', async () => {
    const signals: AbortSignal[] = [];
    const until = (signal: AbortSignal) => {
      signals.push(signal);
      return new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    };
    const { loop, clock } = aLoop(() => Promise.resolve({ ms: 100, until }));
    loop.start();
    await clock.waitForSleepers();
    loop.wake();
    await settle();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    await loop.stop();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
  });

  test('goes on after a failed step, and reports the failure', async () => {
    let steps = 0;
    const fault = new Error('out of order');
    const { loop, clock, runtime, warnings } = aLoop(() => {
      steps += 1;
      return steps === 1 ? Promise.reject(fault) : Promise.resolve(10_000);
    }, 50);
    const failed = nextEvent(runtime.events, 'loop.failed');
    loop.start();
    expect(await failed).toEqual({ loop: 'tester', error: fault });
    expect(warnings).toEqual([{ loop: 'tester', err: fault }]);
    await clock.waitForSleepers();
    await clock.advance(49);
    expect(steps).toBe(1);
    await clock.advance(1);
    expect(steps).toBe(2);
    await loop.stop();
  });

  test('goes on after a step that throws synchronously', async () => {
    let steps = 0;
    const { loop, clock } = aLoop(() => {
      steps += 1;
      throw new Error('thrown');
    });
    loop.start();
    await clock.waitForSleepers();
    await clock.advance(1_000);
    expect(steps).toBe(2);
    await loop.stop();
  });

  test('runs the next step at a wake-up while it sleeps', async () => {
    let steps = 0;
    const { loop, clock } = aLoop(() => {
      steps += 1;
      return Promise.resolve(60_000);
    });
    loop.start();
    await clock.waitForSleepers();
    loop.wake();
    await settle();
    await clock.waitForSleepers();
    expect(steps).toBe(2);
    await loop.stop();
  });

  test('does not lose a wake-up that comes during a step', async () => {
    let steps = 0;
    const { loop, clock } = aLoop(() => {
      steps += 1;
      if (steps === 1) loop.wake();
      return Promise.resolve(60_000);
    });
    loop.start();
    await clock.waitForSleepers();
    expect(steps).toBe(2);
    await loop.stop();
  });

  test('can be started and stopped twice, and started again', async () => {
    let steps = 0;
    const { loop, clock } = aLoop(() => {
      steps += 1;
      return Promise.resolve(60_000);
    });
    await loop.stop();
    loop.start();
    loop.start();
    await clock.waitForSleepers();
    expect(steps).toBe(1);
    await Promise.all([loop.stop(), loop.stop()]);
    expect(clock.sleeping).toBe(0);
    loop.start();
    await clock.waitForSleepers();
    expect(steps).toBe(2);
    await loop.stop();
  });

  test('aborts the running step when it stops, and waits for its end', async () => {
    let ended = false;
    const { loop } = aLoop(
      (signal) =>
        new Promise((resolve) => {
          signal.addEventListener('abort', () => {
            setImmediate(() => {
              ended = true;
              resolve(0);
            });
          });
        }),
    );
    loop.start();
    await settle();
    await loop.stop();
    expect(ended).toBe(true);
  });

  test('does not report a step that fails because of the stop', async () => {
    const { loop, warnings } = aLoop(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    );
    loop.start();
    await settle();
    await loop.stop();
    expect(warnings).toEqual([]);
  });
});
