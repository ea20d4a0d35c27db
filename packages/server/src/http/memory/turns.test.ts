import { expect, test } from 'vitest';
import type { Clock } from '@task-center/engine';

import { Turns } from './turns.ts';

const MIB = 1_024 * 1_024;

/** A clock whose timers the test fires. */
function manualClock() {
  const timers = new Set<() => void>();
  const after: Clock['after'] = (_ms, act) => {
    timers.add(act);
    const timer: ReturnType<Clock['after']> = { cancel: () => void timers.delete(act), unref: () => timer };
    return timer;
  };
  return { after, fire: () => [...timers].forEach((act) => (timers.delete(act), act())), timers };
}

const turnsWith = (clock: Pick<Clock, 'after'>) =>
  new Turns({ clock, maxBytes: 32 * MIB, what: 'large batches' });

/** A batch that is stored when the test says so. */
function batch() {
  const state = { begun: false, end: () => {} };
  const promise = new Promise<void>((resolve) => (state.end = resolve));
  return Object.assign(state, {
    store: () => {
      state.begun = true;
      return promise;
    },
  });
}

test('batches wait while there is no room, in their order, and give it back also when they fail', async () => {
  const clock = manualClock();
  const turns = turnsWith(clock);
  const [first, second, small] = [batch(), batch(), batch()];
  const begun = () => [first, second, small].map((one) => one.begun);
  const firstRun = turns.run(20 * MIB, first.store);
  const otherRuns = [turns.run(20 * MIB, second.store), turns.run(8 * MIB, small.store)];
  await Promise.resolve();
  expect(begun()).toEqual([true, false, false]);
  first.end();
  await firstRun;
  await Promise.resolve();
  expect(begun()).toEqual([true, true, true]);
  second.end();
  small.end();
  await Promise.all(otherRuns);
  const failing = turns.run(32 * MIB, () => Promise.reject(new Error('x')));
  await expect(failing).rejects.toThrow('x');
  await expect(turns.run(32 * MIB, async () => 'stored')).resolves.toBe('stored');
  expect(clock.timers.size).toBe(0);
});

test('a batch that has waited too long is refused, and stores nothing; one behind it goes on', async () => {
  const clock = manualClock();
  const turns = turnsWith(clock);
  const [first, large] = [batch(), batch()];
  const running = turns.run(20 * MIB, first.store);
  const refused = turns.run(20 * MIB, large.store);
  clock.fire();
  await expect(refused).rejects.toMatchObject({ code: 'overloaded', extra: { outcome: 'not_stored' } });
  expect(large.begun).toBe(false);
  await expect(turns.run(8 * MIB, async () => 'stored')).resolves.toBe('stored');
  first.end();
  await running;
});

test('a batch above the bound goes alone', async () => {
  const turns = turnsWith(manualClock());
  await expect(turns.run(100 * MIB, async () => 'stored')).resolves.toBe('stored');
});
