import { beforeEach, describe, expect, test } from 'vitest';
import { createFakeClock, type FakeClock } from '../../../test/support/fake-clock.ts';
import { MAX_LEFT_TYPES } from '../../broker/bounds.ts';
import type { LeasedTask } from '../../broker/consume.ts';
import { silentLog } from '../../runtime/log.ts';
import { createRuntime } from '../../runtime/runtime.ts';
import { MissingHandlers } from './missing-handlers.ts';

describe('tasks without a handler', () => {
  let clock: FakeClock;
  let missing: MissingHandlers;
  let told: object[];

  const task = (type: string) => ({ queue: 'q', id: 'a', type }) as LeasedTask;
  const pauseOf = (type = 'b') => {
    const end = missing.meet(task(type));
    return end?.outcome === 'defer' ? end.delayMs : null;
  };

  beforeEach(() => {
    clock = createFakeClock();
    told = [];
    const log = { ...silentLog, error: (fields: object) => void told.push(fields) };
    missing = new MissingHandlers(createRuntime({ clock, log }));
  });

  test('wait for 100 ms to 5 s: the pause doubles with time, not with the number of tasks', async () => {
    const pauses: (number | null)[] = [];
    for (let round = 0; round < 8; round += 1) {
      const [first, ...rest] = Array.from({ length: 200 }, () => pauseOf());
      expect(new Set(rest)).toEqual(new Set([first]));
      pauses.push(first ?? null);
      await clock.advance(first ?? 0);
    }
    expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
  });

  test('wait by type, and begin anew when the type was not met for a minute', async () => {
    pauseOf();
    await clock.advance(100);
    expect([pauseOf('b'), pauseOf('c')]).toEqual([200, 100]);
    expect(missing.leave()).toEqual(['b', 'c']);
    await clock.advance(60_000);
    expect(missing.leave()).toEqual([]);
    expect(pauseOf()).toBe(100);
  });

  test('are told of once per type', () => {
    for (const type of ['b', 'c', 'b', 'c']) pauseOf(type);
    expect(told).toEqual([
      { queue: 'q', type: 'b' },
      { queue: 'q', type: 'c' },
    ]);
  });

  test('of many types fill neither the memory nor a call', async () => {
    for (let n = 0; n < 5_000; n += 1) pauseOf(`type ${n}`);
    expect(told).toHaveLength(1_000);
    expect(missing.leave()).toHaveLength(MAX_LEFT_TYPES);
    await clock.advance(60_000);
    expect(missing.leave()).toEqual([]);
  });
});
