import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createFakeClock, settle, type FakeClock } from '../../test/support/fake-clock.ts';
import { FakeClaims, FakeClaimsLink } from '../../test/support/fake-claims.ts';
import { silentLog } from '../runtime/log.ts';
import { createRuntime } from '../runtime/runtime.ts';
import type { ScheduleView } from '../broker/schedule-view.ts';
import type { ScheduleStore } from '../broker/schedules.ts';
import { createScheduleViewer, type ScheduleViewer } from './schedule-viewer.ts';

const CLAIM = 'schedule-view';

let clock: FakeClock;
let claims: FakeClaims;

beforeEach(() => {
  clock = createFakeClock();
  claims = new FakeClaims(clock);
});

interface Instance {
  readonly viewer: ScheduleViewer;
  /** The queues of each refresh. */
  readonly refreshes: (readonly string[])[];
  readonly writes: { count: number };
  readonly searches: { count: number };
}

/** A process; `used`: the queues of the broker that have schedules. */
function start(used: readonly string[] = []): Instance {
  const refreshes: (readonly string[])[] = [];
  const [writes, searches] = [{ count: 0 }, { count: 0 }];
  const schedules = {
    nextLooks: async (queues: readonly string[]) =>
      queues.map((queue) => ({ queue, nextLookMs: used.includes(queue) ? 1 : null, nextLookInMs: null })),
    upcoming: async (queues: readonly string[]) => {
      refreshes.push(queues);
      return [];
    },
  } as unknown as ScheduleStore;
  const view = { show: async () => void (writes.count += 1) } as unknown as ScheduleView;
  const inspect = {
    queues: async () => {
      searches.count += 1;
      return ['a', 'b', 'c'];
    },
  };
  const viewer = createScheduleViewer({
    broker: { claims: new FakeClaimsLink(claims, clock), inspect } as never,
    schedules,
    view,
    runtime: createRuntime({ clock, random: () => 0.5, log: silentLog }),
  });
  onTestFinished(async () => {
    const stopped = viewer.stop();
    await clock.advance(1_000);
    await stopped;
  });
  return { viewer, refreshes, writes, searches };
}

/** Lets calls under way end. */
const pass = async (ms = 0): Promise<void> => {
  await settle();
  await clock.advance(ms);
  await settle();
};

describe('who shows schedules', () => {
  test('is no process without schedules: it does not ask for the claim', async () => {
    const { viewer, writes, searches } = start(['a']);
    viewer.follow([]);
    await pass(120_000);
    expect(claims.current(CLAIM)).toBeUndefined();
    expect([writes.count, searches.count]).toEqual([0, 0]);
  });

  test('is one process at a time, every five seconds', async () => {
    const [first, second] = [start(), start()];
    first.viewer.follow(['a']);
    await pass(1);
    second.viewer.follow(['a']);
    await pass(60_000);
    expect(second.writes.count).toBe(0);
    expect(first.writes.count).toBeGreaterThanOrEqual(12);
    expect(first.writes.count).toBeLessThanOrEqual(14);
  });

  test('is another one when that one has stopped, or has no schedules any more', async () => {
    const [first, second, third] = [start(), start(), start()];
    for (const { viewer } of [first, second, third]) {
      viewer.follow(['a']);
      await pass(1);
    }
    const stopped = first.viewer.stop();
    await pass(20_000);
    await stopped;
    const writers = [second, third].filter(({ writes }) => writes.count > 0);
    expect(writers).toHaveLength(1);
    const before = first.writes.count;
    writers[0]?.viewer.follow([]);
    await pass(20_000);
    expect(first.writes.count).toBe(before);
    expect(Math.min(second.writes.count, third.writes.count)).toBeGreaterThan(0);
  });

  test('also shows those of queues that other processes fire, which it finds within a minute', async () => {
    const used: string[] = [];
    const { viewer, refreshes, searches } = start(used);
    viewer.follow(['a']);
    await pass(1);
    expect(refreshes.at(-1)).toEqual(['a']);
    used.push('a', 'c');
    await pass(66_000);
    expect([...refreshes.at(-1)!].sort()).toEqual(['a', 'c']);
    expect(searches.count).toBe(2);
  });

  test('shows a queue that it fires at the next refresh', async () => {
    const { viewer, refreshes } = start();
    viewer.follow(['a']);
    await pass(1);
    viewer.follow(['a', 'b']);
    await pass(5_000);
    expect(refreshes.at(-1)).toEqual(['a', 'b']);
  });
});
