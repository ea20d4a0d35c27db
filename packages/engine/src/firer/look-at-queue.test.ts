import { expect, test } from 'vitest';
import { createFakeClock, settle } from '../../test/support/fake-clock.ts';
import type { DueSchedule, ScheduleStore } from '../broker/schedules.ts';
import { silentLog } from '../runtime/log.ts';
import { createRuntime } from '../runtime/runtime.ts';
import { createQueueLook } from './look-at-queue.ts';
import { SpecCache } from './spec-cache.ts';

const clock = createFakeClock();

/** A store in which a schedule is due in each part. Its writes end when the test lets them. */
class FakeStore {
  readonly calls: string[] = [];
  readonly ends: ((error?: Error) => void)[] = [];
  #parts: number;

  constructor(parts: number) {
    this.#parts = parts;
  }

  readonly store = {
    due: async (queue: string) => {
      this.calls.push('due');
      this.#parts -= 1;
      const nowMs = clock.wallMs();
      // It cannot be read: it is put off.
      const schedule = { queue, name: `s${this.#parts}`, spec: 'spoilt', calendar: null, open: [] };
      return {
        queue,
        nowMs,
        nextLookMs: nowMs,
        nextLookInMs: this.#parts > 0 ? 0 : 1_000,
        schedules: [{ ...schedule, ledger: 'null' } as unknown as DueSchedule],
      };
    },
    fire: (_: string, writes: readonly unknown[]) => {
      this.calls.push('fire');
      return new Promise((resolve, reject) => {
        this.ends.push((error) => (error ? reject(error) : resolve(writes.map(() => ({ code: 'fired' })))));
      });
    },
    nextLookOf: async (queue: string) => {
      this.calls.push('looks');
      return { queue, nextLookMs: null, nextLookInMs: null };
    },
  } as unknown as ScheduleStore;
}

function lookAt(fake: FakeStore) {
  const runtime = createRuntime({ clock, log: silentLog });
  const deps = { schedules: fake.store, calendars: {} as never, specs: new SpecCache(), runtime };
  return createQueueLook({ ...deps, log: silentLog })('default', new AbortController().signal);
}

/** Lets all that can happen happen. */
async function untilQuiet(fake: FakeStore): Promise<void> {
  for (let before = -1; before !== fake.calls.length;) {
    before = fake.calls.length;
    await settle();
  }
}

test('a part is handed out while another is written, and one is written at a time', async () => {
  const fake = new FakeStore(3);
  const looking = lookAt(fake);
  await untilQuiet(fake);
  expect(fake.calls).toEqual(['due', 'due', 'fire', 'due']);
  fake.ends.at(0)?.();
  await untilQuiet(fake);
  expect(fake.calls.slice(4)).toEqual(['fire']);
  fake.ends.at(1)?.();
  await untilQuiet(fake);
  expect(fake.calls.slice(5)).toEqual(['fire']);
  fake.ends.at(2)?.();
  expect(await looking).toMatchObject({ queue: 'default' });
  expect(fake.calls.slice(6)).toEqual(['looks']);
});

test('a write that fails ends the look with its error', async () => {
  const fake = new FakeStore(2);
  const looking = lookAt(fake);
  await untilQuiet(fake);
  fake.ends.at(0)?.(new Error('down'));
  await expect(looking).rejects.toThrow('down');
});

test('a queue in which more and more is due lets others have their turn', async () => {
  const fake = new FakeStore(100);
  const looking = lookAt(fake);
  for (let i = 0; i < 100 && !fake.calls.includes('looks'); i += 1) {
    await untilQuiet(fake);
    for (const end of fake.ends.splice(0)) end();
  }
  await looking;
  expect(fake.calls.filter((call) => call === 'due').length).toBe(8);
});
