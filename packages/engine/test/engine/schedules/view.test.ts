// What Go's tools are shown of the schedules of a broker. The view is a fake one; that of Redis has tests of its own.
import { describe, expect, test } from 'vitest';
import type { ScheduleView, ShownFires, ShownSchedule } from '../../../src/broker/schedule-view.ts';
import type { ScheduleStore } from '../../../src/broker/schedules.ts';
import { ShownSchedules } from '../../../src/firer/shown-schedules.ts';
import { MINUTE_MS, SECOND_MS, START_MS, useFiring, type FiringBench } from '../../support/firing.ts';

const open = useFiring();

/** Keeps what was shown last. */
class FakeView implements ScheduleView {
  shown: readonly ShownSchedule[] = [];
  readonly fires = new Map<string, ShownFires>();
  writes = 0;

  async show(schedules: readonly ShownSchedule[]): Promise<void> {
    this.shown = schedules;
  }

  async showFires(name: string, fires: ShownFires): Promise<void> {
    this.writes += 1;
    this.fires.set(name, fires);
  }

  async hideFires(names: readonly string[]): Promise<void> {
    for (const name of names) this.fires.delete(name);
  }
}

interface Watched {
  readonly view: FakeView;
  /** Names that were read since the last question. */
  readNames(): string[];
  refresh(isAllowed?: () => boolean): Promise<void>;
  /** Texts of when they fire, by ID. */
  specs(): Record<string, string>;
}

function watch({ store, runtime, queue }: FiringBench, over: Partial<ScheduleStore> = {}): Watched {
  const read: string[] = [];
  const schedules: ScheduleStore = {
    ...store,
    get: (names) => {
      read.push(...names);
      return store.get(names);
    },
    ...over,
  };
  const view = new FakeView();
  const shown = new ShownSchedules({ schedules, view, clock: runtime.clock });
  return {
    view,
    readNames: () => read.splice(0).sort(),
    refresh: (isAllowed = () => true) => shown.refresh([queue], isAllowed),
    specs: () =>
      Object.fromEntries(view.shown.map(({ name, spec }) => [name.replace(`${queue}-`, ''), spec])),
  };
}

const idsOf = (view: FakeView, name: string) =>
  (view.fires.get(name)?.events ?? []).map(({ taskId }) => taskId);

describe('the schedules that are shown', () => {
  test('say when they fire in the words of Asynq', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    const { cron: _, ...plain } = bench.aSchedule();
    await schedules.put({
      ...plain,
      id: `${queue}-cron`,
      cron: '30 8 * * mon-fri',
      timezone: 'Asia/Shanghai',
    });
    await schedules.put({ ...plain, id: `${queue}-utc`, cron: '0 0 12 LW * ?', dialect: 'quartz' });
    await schedules.put({ ...plain, id: `${queue}-every`, every: '90s' });
    await schedules.put({ ...plain, id: `${queue}-at`, at: new Date(START_MS + MINUTE_MS) });
    await bench.fire();
    const watched = watch(bench);
    await watched.refresh();
    expect(watched.specs()).toEqual({
      cron: 'CRON_TZ=Asia/Shanghai 30 8 * * mon-fri',
      utc: '0 0 12 LW * ?',
      every: '@every 1m30s',
      at: '@at 2026-05-14T10:01:00.000Z',
    });
  });

  test('say what their tasks are, and when they fire', async () => {
    const bench = open();
    const { queue } = bench;
    await bench.put({ task: { task: 'report', payload: { a: 1 }, maxRetries: 3, timeout: '90s' } });
    await bench.fire();
    const { view, refresh } = watch(bench);
    await refresh();
    const about = { queue, type: 'report', maxRetries: 3, timeoutMs: 90 * SECOND_MS };
    expect(view.shown).toMatchObject([{ ...about, nextMs: START_MS + MINUTE_MS, prevMs: null }]);
    expect(String(view.shown[0]?.payload)).toBe('{"a":1}');
    bench.advance(MINUTE_MS);
    await bench.fire();
    await refresh();
    expect(view.shown).toMatchObject([{ nextMs: START_MS + 2 * MINUTE_MS, prevMs: START_MS + MINUTE_MS }]);
  });

  test('have no payload where it is long', async () => {
    const bench = open();
    await bench.put({ task: { task: 'report', payload: 'x'.repeat(5_000) } });
    const { view, refresh } = watch(bench);
    await refresh();
    expect(view.shown).toMatchObject([{ payload: null }]);
  });

  test('are without those that are paused or removed', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    await bench.put();
    await bench.put({ id: `${queue}-paused` });
    await bench.put({ id: `${queue}-removed` });
    const watched = watch(bench);
    await watched.refresh();
    expect(watched.view.shown).toHaveLength(3);
    await schedules.pause(`${queue}-paused`, { reason: 'because' });
    await schedules.remove(`${queue}-removed`);
    await watched.refresh();
    expect(watched.view.shown.map(({ name }) => name)).toEqual([queue]);
    expect([...watched.view.fires.keys()]).toEqual([queue]);
  });

  test('are read again when they have fired, and else once a minute', async () => {
    const bench = open();
    const { queue } = bench;
    const [often, daily] = [`${queue}-often`, `${queue}-daily`];
    await bench.put({ id: often, every: '10s' });
    await bench.put({ id: daily, cron: '0 8 * * *' });
    await bench.fire();
    const { readNames, refresh } = watch(bench);
    await refresh();
    expect(readNames()).toEqual([daily, often]);
    await refresh();
    expect(readNames()).toEqual([]);
    bench.advance(10 * SECOND_MS);
    await bench.fire();
    await refresh();
    expect(readNames()).toEqual([often]);
    bench.advance(MINUTE_MS);
    await refresh();
    expect(readNames()).toEqual([daily, often]);
  });

  test('are not shown by a process that has lost the claim meanwhile', async () => {
    const bench = open();
    await bench.put();
    const { view, refresh } = watch(bench);
    await refresh(() => false);
    expect(view.shown).toEqual([]);
    expect(view.writes).toBe(0);
  });

  test('are at most a thousand, the soonest first', async () => {
    const bench = open();
    const row = { business: null, owner: null, queue: bench.queue };
    const all = Array.from({ length: 600 }, (_, i) => ({ ...row, name: `s${i}`, nextFireMs: START_MS + i }));
    const limits: number[] = [];
    // Each call gives as many as it may: two parts of queues.
    const upcoming: ScheduleStore['upcoming'] = async ([first], { limit }) => {
      limits.push(limit);
      return all.map((one) => ({ ...one, name: `${first}-${one.name}` }));
    };
    const names: string[] = [];
    const get: ScheduleStore['get'] = async (asked) => {
      names.push(...asked);
      return { nowMs: START_MS, schedules: asked.map(() => null) };
    };
    const shown = new ShownSchedules({
      schedules: { ...bench.store, upcoming, get },
      view: new FakeView(),
      clock: bench.runtime.clock,
    });
    await shown.refresh(
      Array.from({ length: 700 }, (_, i) => `q${i}`),
      () => true,
    );
    expect(limits).toEqual([1_000, 1_000]);
    expect(names).toHaveLength(1_000);
    expect(names.slice(0, 3)).toEqual(['q0-s0', 'q500-s0', 'q0-s1']);
  });
});

describe('the fires that are shown', () => {
  test('are the tasks that were made, the newest first', async () => {
    const bench = open();
    const { queue } = bench;
    const { view, refresh } = watch(bench);
    await bench.put();
    await bench.fire();
    await refresh();
    expect(idsOf(view, queue)).toEqual([]);
    for (let minute = 1; minute <= 3; minute += 1) {
      bench.advance(MINUTE_MS);
      await bench.fire();
      await refresh();
      expect(idsOf(view, queue)).toHaveLength(minute);
    }
    const made = (await bench.take()).map(({ id }) => id);
    expect(idsOf(view, queue)).toEqual(made.reverse());
    expect(view.fires.get(queue)?.events[2]).toMatchObject({ atMs: START_MS + MINUTE_MS });
  });

  test('have also those that somebody asked for, a minute later', async () => {
    const bench = open();
    const { queue, schedules } = bench;
    await bench.put({ cron: '0 8 * * *' });
    await bench.fire();
    const { view, refresh } = watch(bench);
    await refresh();
    await schedules.run(queue);
    bench.advance(MINUTE_MS);
    await refresh();
    expect(idsOf(view, queue)).toEqual((await bench.take()).map(({ id }) => id));
    expect(idsOf(view, queue)).toHaveLength(1);
  });

  test('leave out lines without tasks', async () => {
    const bench = open();
    await bench.put({ skipNext: 1 });
    bench.advance(MINUTE_MS);
    await bench.fire();
    const { view, refresh } = watch(bench);
    await refresh();
    expect(await bench.history()).toEqual(['skipped_next']);
    expect(idsOf(view, bench.queue)).toEqual([]);
  });

  test('are written when there is something new, and again before they expire', async () => {
    const bench = open();
    await bench.put({ cron: '0 8 * * *' });
    await bench.fire();
    const { view, refresh } = watch(bench);
    for (let i = 0; i < 5; i += 1) {
      await refresh();
      bench.advance(MINUTE_MS);
    }
    expect(view.writes).toBe(1);
    bench.advance(6 * MINUTE_MS);
    await refresh();
    expect(view.writes).toBe(2);
    expect(view.fires.get(bench.queue)?.ttlMs).toBeGreaterThan(15 * MINUTE_MS);
  });

  test('are written for a hundred schedules in a step, and none is left behind', async () => {
    const bench = open();
    await bench.put();
    const { schedules } = await bench.store.get([bench.queue]);
    const copies = Array.from({ length: 250 }, (_, i) => ({
      ...schedules[0]!,
      name: `s${i}`,
      nextFireMs: i,
    }));
    const { view, refresh } = watch(bench, {
      upcoming: async () => copies,
      get: async (names) => ({
        nowMs: bench.now,
        schedules: copies.filter(({ name }) => names.includes(name)),
      }),
    });
    const written: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      await refresh();
      written.push(view.fires.size);
    }
    expect(written).toEqual([100, 200, 250, 250]);
  });
});
