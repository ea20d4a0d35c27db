import { afterEach, expect, test } from 'vitest';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import type { KnownLook, NextLook, ScheduleStore } from '../broker/schedules.ts';
import type { Loop } from '../runtime/loop.ts';
import { silentLog } from '../runtime/log.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { createFirer } from './firer.ts';

/** A store without schedules that are due. It counts its calls; a test says when its queues must be looked at. */
class FakeStore {
  readonly clock: FakeClock = createFakeClock();
  /** When queues must be looked at, wall-clock ms. */
  readonly looks = new Map<string, number>();
  readonly down = new Set<string>();
  /** Queues whose looks do not end until `release`. */
  readonly hanging = new Set<string>();
  release = () => {};
  readonly due: string[] = [];
  surveys = 0;
  #wakeUp: ((queues: readonly string[]) => void) | undefined;

  wakeUp(queue: string): void {
    this.#wakeUp?.([queue]);
  }

  #nextLook(queue: string): NextLook {
    const nextLookMs = this.looks.get(queue) ?? null;
    return { queue, nextLookMs, nextLookInMs: nextLookMs && Math.max(0, nextLookMs - this.clock.wallMs()) };
  }

  readonly #released = new Promise<void>((resolve) => (this.release = resolve));
  readonly store = {
    nextLooks: async (queues: readonly string[]) => {
      this.surveys += 1;
      return queues.map((queue) => (this.down.has(queue) ? null : this.#nextLook(queue)));
    },
    due: async (queue: string) => {
      this.due.push(queue);
      if (this.hanging.has(queue)) await this.#released;
      if (this.down.has(queue)) throw new Error('down');
      const nowMs = this.clock.wallMs();
      if ((this.looks.get(queue) ?? Infinity) <= nowMs) this.looks.set(queue, nowMs + 3_600_000);
      return { ...this.#nextLook(queue), nowMs, schedules: [] };
    },
    waitForLook: (_: readonly KnownLook[], signal: AbortSignal) =>
      new Promise<readonly string[]>((resolve) => {
        this.#wakeUp = resolve;
        signal.addEventListener('abort', () => resolve([]), { once: true });
      }),
    list: async () => ({ schedules: [], next: null, nowMs: 0 }),
  } as unknown as ScheduleStore;
}

let firer: Loop | undefined;
afterEach(async () => {
  await firer?.stop();
  firer = undefined;
});

async function start(names: readonly string[], prepare?: (fake: FakeStore) => void): Promise<FakeStore> {
  const fake = new FakeStore();
  prepare?.(fake);
  const runtime = createRuntime({ clock: fake.clock, random: () => 0.5, log: silentLog });
  const broker = { documents: { list: async () => [] } } as never;
  firer = createFirer({ broker, schedules: fake.store, queues: () => names, runtime });
  firer.start();
  await settle();
  return fake;
}

const inMs = (fake: FakeStore, ms: number): number => fake.clock.wallMs() + ms;

test('queues without schedules cost one call for all of them in each survey, and nothing else', async () => {
  const names = Array.from({ length: 5_000 }, (_, i) => `q${i}`);
  const fake = await start(names);
  await fake.clock.advance(60_000);
  expect(fake.due).toEqual([]);
  expect(fake.surveys).toBeLessThanOrEqual(13);
});

test('a queue is looked at when its next look has come, and not before', async () => {
  const fake = await start(['a', 'b'], (it) => it.looks.set('b', inMs(it, 30_000)));
  await fake.clock.advance(29_999);
  expect(fake.due).toEqual([]);
  await fake.clock.advance(1);
  expect(fake.due).toEqual(['b']);
});

test('a signal of an earlier look is followed at once', async () => {
  const fake = await start(['a'], (it) => it.looks.set('a', inMs(it, 30_000)));
  fake.looks.set('a', inMs(fake, 0));
  fake.wakeUp('a');
  await settle();
  expect(fake.due).toEqual(['a']);
});

test('an earlier look whose signal was lost is found by the next survey', async () => {
  const fake = await start(['a']);
  fake.looks.set('a', inMs(fake, 0));
  await fake.clock.advance(6_500);
  expect(fake.due).toEqual(['a']);
});

test('a queue with schedules is looked at each minute, as its time may be wrong', async () => {
  const fake = await start(['a'], (it) => it.looks.set('a', inMs(it, 30 * 86_400_000)));
  await fake.clock.advance(125_000);
  expect(fake.due).toEqual(['a', 'a']);
});

test('queues whose looks hang hold up no other', async () => {
  const fake = await start(['a', 'b', 'c'], (it) => {
    it.hanging.add('a').add('b');
    for (const queue of ['a', 'b', 'c']) it.looks.set(queue, inMs(it, 0));
  });
  expect(fake.due).toEqual(['a', 'b', 'c']);
  fake.looks.set('c', inMs(fake, 1_000));
  fake.wakeUp('c');
  await settle();
  await fake.clock.advance(1_000);
  await settle();
  expect(fake.due.slice(3)).toEqual(['c', 'c']);
  fake.release();
});

test('a queue that fails is tried less and less often, and the others go on', async () => {
  const fake = await start(['a', 'b'], (it) => {
    it.looks.set('a', inMs(it, 0)).set('b', inMs(it, 5_000));
  });
  fake.due.length = 0;
  fake.down.add('a');
  fake.wakeUp('a');
  await fake.clock.advance(60_000);
  const tries = fake.due.filter((queue) => queue === 'a').length;
  expect(tries).toBeGreaterThan(3);
  expect(tries).toBeLessThan(9);
  expect(fake.due).toContain('b');
  fake.down.clear();
  fake.due.length = 0;
  await fake.clock.advance(31_000);
  expect(fake.due).toContain('a');
});
