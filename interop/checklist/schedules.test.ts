import { describe, expect, onTestFinished } from 'vitest';
import {
  Inspector,
  PeriodicTaskManager,
  Scheduler,
  type PeriodicTask,
  type SchedulerOptions,
} from '../../packages/engine/src/index.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';
import { cli, tableIn } from '../support/cli.ts';
import type { GoPeer, GoScheduledTask } from '../support/go-peer.ts';

/** An entry as Go's inspector shows it; times in ms, 0 = Go's zero time. */
interface GoEntry {
  readonly id: string;
  readonly spec: string;
  readonly type: string;
  readonly payload: string | null;
  readonly options: readonly string[];
  readonly nextMs: number;
  readonly prevMs: number;
}

interface GoEvent {
  readonly taskId: string;
  readonly atMs: number;
}

/** All schedulers of a Redis are listed together: each test recognizes its entries by their IDs. */
describe('scheduler: entries and events', () => {
  const bed = interopBed();

  function ours(options: SchedulerOptions = {}): Scheduler {
    const scheduler = new Scheduler(bed.broker, options);
    onTestFinished(() => scheduler.stop());
    return scheduler;
  }
  const inspector = () => new Inspector(bed.broker);
  const entryOf = async (id: string) => (await inspector().schedulers.entries()).find((one) => one.id === id);
  const goEntry = async (go: GoPeer, id: string) =>
    (await go.inspect<GoEntry[]>('schedulerEntries')).find((one) => one.id === id);
  const goEvents = (go: GoPeer, task: string) =>
    go.inspect<GoEvent[]>('enqueueEvents', { task, page: 1, size: 30 });
  const listKey = (scheduler: Scheduler) => `asynq:schedulers:{${scheduler.name}}`;
  const historyKey = (id: string) => `asynq:scheduler_history:${id}`;

  /** Waits until the queue has `count` pending tasks; resolves to Go's list of them. */
  async function pendingOf(go: GoPeer, queue: string, count: number) {
    await until(async () => Number(await bed.ask('LLEN', `asynq:{${queue}}:pending`)) >= count, 50);
    return go.list(queue, 'pending');
  }

  item('97 us → Go: an entry fires every three seconds, with its options', async () => {
    const [queue, go] = [bed.queue(), bed.go()];
    const scheduler = ours();
    const id = scheduler.register('@every 3s', {
      task: 'report',
      payload: { a: 1 },
      queue,
      maxRetries: 7,
      timeout: '90s',
      retention: '1h',
    });
    const startMs = Date.now();
    await scheduler.start();
    const tasks = await pendingOf(go, queue, 3);
    // Never more than one per period, no matter when this is checked.
    expect(tasks.length).toBeLessThanOrEqual((Date.now() - startMs) / 3_000 + 1);
    for (const task of tasks) {
      const times = { timeoutMs: 90_000, retentionMs: 3_600_000 };
      expect(task).toMatchObject({ type: 'report', maxRetry: 7, ...times });
      expect(task.payload.toString()).toBe('{"a":1}');
    }
    await until(async () => (await goEvents(go, id)).length >= 3);
    const events = (await goEvents(go, id)).slice(-3);
    expect(events.map(({ taskId }) => taskId)).toEqual(
      tasks
        .slice(0, 3)
        .map((task) => task.id)
        .reverse(),
    );
    for (const { atMs } of events) expect(atMs).toBeGreaterThanOrEqual(startMs);
  });

  item('98 us → Go: Go lists our entries with all the options that its inspector reads', async () => {
    const go = bed.go();
    const scheduler = ours({ heartbeat: 1_000 });
    const deadline = new Date(Date.UTC(2030, 4, 3, 7, 8, 9));
    const id = scheduler.register('TZ=Europe/Berlin 30 4 * * mon', {
      task: 'report',
      payload: 'x',
      queue: 'a "b"',
      maxRetries: 3,
      timeout: '90s',
      unique: '1h',
      retention: '1d',
      deadline,
      group: 'g)',
      headers: { a: 'b' },
    });
    await scheduler.start();
    await until(async () => (await goEntry(go, id)) !== undefined);
    const entry = await goEntry(go, id);
    const mine = await entryOf(id);
    expect(entry).toMatchObject({ spec: 'TZ=Europe/Berlin 30 4 * * mon', type: 'report', prevMs: 0 });
    expect(Buffer.from(entry?.payload ?? '', 'base64').toString()).toBe('"x"');
    expect(entry?.nextMs).toBe(mine?.nextMs);
    expect([...(entry?.options ?? [])].sort()).toEqual([
      'Deadline(Fri May  3 07:08:09 UTC 2030)',
      'MaxRetry(3)',
      String.raw`Queue("a \"b\"")`,
      'Retention(24h0m0s)',
      'Timeout(1m30s)',
      'Unique(1h0m0s)',
    ]);
  });

  item(
    '98 Go → us: we list the entries of a Go scheduler and the tasks that they have enqueued',
    async () => {
      const [queue, go] = [bed.queue(), bed.go()];
      const task: GoScheduledTask = {
        spec: '@every 2s',
        task: { type: 'x', payload: 'p', queue, maxRetry: 4 },
      };
      const [id = ''] = await go.schedule([task], 1_000);
      await until(async () => (await entryOf(id))?.prevMs !== null && (await entryOf(id)) !== undefined, 50);
      const [mine, theirs] = [await entryOf(id), await goEntry(go, id)];
      expect(mine).toMatchObject({ spec: '@every 2s', type: 'x', options: { queue, maxRetries: 4 } });
      expect(Buffer.from(mine?.payloadBytes ?? []).toString()).toBe('p');
      // Go may have fired between the two reads.
      expect(((theirs?.nextMs ?? 0) - (mine?.nextMs ?? 0)) % 1_000).toBe(0);
      const tasks = await pendingOf(go, queue, 2);
      await until(async () => (await inspector().schedulers.events(id)).length >= 2);
      const [theirEvents, ourEvents] = [await goEvents(go, id), await inspector().schedulers.events(id)];
      expect(ourEvents.slice(-theirEvents.length)).toEqual(theirEvents);
      expect(ourEvents.slice(-2).map(({ taskId }) => taskId)).toEqual([tasks[1]?.id, tasks[0]?.id]);
      await go.unschedule();
      expect(await entryOf(id)).toBeUndefined();
      expect(await inspector().schedulers.events(id)).toEqual([]);
    },
  );

  item('98 us → Go: the command asynq lists our entries', async () => {
    const queue = bed.queue();
    const scheduler = ours({ heartbeat: 1_000 });
    const never = scheduler.register('@yearly', { task: 'yearly', payload: { a: 1 }, queue, maxRetries: 3 });
    const often = scheduler.register('@every 1s', { task: 'often', queue });
    await scheduler.start();
    await until(async () => typeof (await entryOf(often))?.prevMs === 'number', 50);
    const rows = tableIn(await cli(bed.redis.address, 'cron', 'ls'), 'EntryID');
    const row = rows.find(({ EntryID }) => EntryID === never);
    expect(row).toMatchObject({ Spec: '@yearly', Type: 'yearly', Payload: '{"a":1}', Prev: 'N/A' });
    expect(row?.['Options']).toBe(`[Queue("${queue}") MaxRetry(3)]`);
    expect(row?.['Next']).toMatch(/^In \d+h/);
    expect(rows.find(({ EntryID }) => EntryID === often)?.['Prev']).toMatch(/ago$/);
  });

  item('14 us → Go: the command asynq shows N/A for an entry that has not fired', async () => {
    const scheduler = ours();
    const id = scheduler.register('@daily', { task: 'x' });
    await scheduler.start();
    await until(async () => (await entryOf(id)) !== undefined);
    const rows = tableIn(await cli(bed.redis.address, 'cron', 'ls'), 'EntryID');
    expect(rows.find(({ EntryID }) => EntryID === id)?.['Prev']).toBe('N/A');
  });

  item(
    '99 us → Go: the command asynq lists the tasks that our entry has enqueued, newest first',
    async () => {
      const [queue, go] = [bed.queue(), bed.go()];
      const scheduler = ours();
      const id = scheduler.register('@every 1s', { task: 'x', queue });
      await scheduler.start();
      const tasks = (await pendingOf(go, queue, 3)).slice(0, 3);
      await until(async () => (await inspector().schedulers.events(id)).length >= 3);
      const rows = tableIn(await cli(bed.redis.address, 'cron', 'history', id), 'TaskID');
      expect(rows.slice(-3).map(({ TaskID }) => TaskID)).toEqual(tasks.map((task) => task.id).reverse());
      for (const { EnqueuedAt } of rows) expect(EnqueuedAt).not.toBe('');
    },
  );

  item('99 both: at most 1,000 events are kept, no matter which side adds them', async () => {
    const [queue, go] = [bed.queue(), bed.go()];
    const fill = async (id: string) => {
      for (let at = 1; at <= 1_200; at += 1) await bed.ask('ZADD', historyKey(id), at, `old ${at}`);
    };
    const scheduler = ours();
    const id = scheduler.register('@every 2s', { task: 'x', queue });
    await fill(id);
    await scheduler.start();
    const [theirs = ''] = await go.schedule([{ spec: '@every 2s', task: { type: 'y', queue } }], 1_000);
    await fill(theirs);
    for (const one of [id, theirs]) {
      const highest = async () =>
        (await bed.ask('ZREVRANGE', historyKey(one), 0, 0, 'WITHSCORES')) as unknown[];
      await until(async () => Number((await highest()).flat()[1]) > 1_200, 50);
      expect(await bed.ask('ZCARD', historyKey(one))).toBe(1_000);
    }
  });

  item(
    '100 the entries live for two heartbeats; after the stop the list, its member and the histories are deleted',
    async () => {
      const queue = bed.queue();
      const scheduler = ours({ heartbeat: 2_000 });
      const id = scheduler.register('@every 1s', { task: 'x', queue });
      const other = scheduler.register('@daily', { task: 'x', queue });
      await scheduler.start();
      await until(async () => (await bed.ask('EXISTS', historyKey(id))) === 1);
      const key = listKey(scheduler);
      expect(await bed.ask('LLEN', key)).toBe(2);
      const leftMs = Number(await bed.ask('PTTL', key));
      expect(leftMs).toBeGreaterThan(0);
      expect(leftMs).toBeLessThanOrEqual(4_000);
      const score = Number(await bed.ask('ZSCORE', 'asynq:schedulers', key));
      expect(Math.abs(score - 4 - nowS())).toBeLessThanOrEqual(3);
      await scheduler.stop();
      expect(await bed.ask('ZSCORE', 'asynq:schedulers', key)).toBeNull();
      for (const gone of [key, historyKey(id), historyKey(other)])
        expect(await bed.ask('EXISTS', gone)).toBe(0);
    },
  );

  item('101 both: the schedulers of both sides write the same texts for the same options', async () => {
    const [queue, go] = [bed.queue(), bed.go()];
    const scheduler = ours();
    const deadlineMs = Date.UTC(2030, 4, 3, 7, 8, 9);
    const id = scheduler.register('@daily', {
      task: 'x',
      queue,
      id: 'i',
      maxRetries: 3,
      timeout: '90s',
      deadline: new Date(deadlineMs),
      unique: '1h',
      delay: '1500ms',
      retention: '25h',
      group: 'g',
    });
    await scheduler.start();
    const lengths = { timeoutMs: 90_000, deadlineMs, uniqueMs: 3_600_000, processInMs: 1_500 };
    const task = { queue, taskId: 'i', maxRetry: 3, ...lengths, retentionMs: 90_000_000, group: 'g' };
    const [theirs = ''] = await go.schedule([{ spec: '@daily', task: { type: 'x', ...task } }], 1_000);
    await until(async () => Boolean((await entryOf(id)) && (await entryOf(theirs))), 50);
    const [mine, other] = [await entryOf(id), await entryOf(theirs)];
    const sorted = (texts: readonly string[] = []) => [...texts].sort();
    expect(sorted(mine?.optionTexts)).toEqual(sorted(other?.optionTexts));
    expect(mine?.options).toEqual(other?.options);
    expect((await goEntry(go, id))?.options).toHaveLength(7);
  });

  item('102 an invalid spec is refused at registration', () => {
    const scheduler = ours();
    for (const spec of ['0 0 * * 7', '* * * * * *', '@reboot', 'TZ=Nowhere/Else @daily']) {
      expect(() => scheduler.register(spec, { task: 'x' })).toThrow();
    }
    for (const spec of ['? 1-5 * jan mon', 'CRON_TZ=Asia/Kolkata */5,7 * * * *']) {
      scheduler.register(spec, { task: 'x' });
    }
  });

  item('103 both: the default time zone is UTC', async () => {
    const go = bed.go();
    const scheduler = ours();
    const spec = '30 4 * * *';
    const id = scheduler.register(spec, { task: 'x' });
    await scheduler.start();
    const [theirs = ''] = await go.schedule([{ spec, task: { type: 'x' } }], 1_000);
    await until(async () => Boolean((await entryOf(id)) && (await entryOf(theirs))), 50);
    const times = [await entryOf(id), await entryOf(theirs)].map((entry) => new Date(entry?.nextMs ?? 0));
    for (const time of times) expect(time.toISOString().slice(11)).toBe('04:30:00.000Z');
    const berlin = ours({ timeZone: 'Asia/Kolkata' });
    const own = berlin.register(spec, { task: 'x' });
    await berlin.start();
    await until(async () => (await entryOf(own)) !== undefined, 50);
    expect(new Date((await entryOf(own))?.nextMs ?? 0).toISOString().slice(11, 16)).toBe('23:00');
  });

  item('104 hooks run once per fire; an error records no event', async () => {
    const queue = bed.queue();
    const calls: string[] = [];
    const scheduler = ours({
      preEnqueue: () => void calls.push('before'),
      postEnqueue: (fired) => void calls.push('task' in fired ? 'stored' : 'error'),
    });
    const id = scheduler.register('@every 1s', { task: 'x', queue, id: 'same' });
    await scheduler.start();
    await until(() => Promise.resolve(calls.length >= 4));
    expect(calls.slice(0, 4)).toEqual(['before', 'stored', 'before', 'error']);
    await until(async () => (await inspector().schedulers.events(id)).length > 0);
    expect(await bed.ask('ZCARD', historyKey(id))).toBe(1);
  });

  item(
    '105 an unregistered entry no longer fires, whether it is removed before or after the start',
    async () => {
      const [queue, go] = [bed.queue(), bed.go()];
      const scheduler = ours();
      await scheduler.unregister(scheduler.register('@every 1s', { task: 'never', queue }));
      const ends = scheduler.register('@every 1s', { task: 'ends', queue });
      await scheduler.start();
      await pendingOf(go, queue, 1);
      await scheduler.unregister(ends);
      const before = (await go.list(queue, 'pending')).length;
      scheduler.register('@every 1s', { task: 'later', queue });
      await pendingOf(go, queue, before + 2);
      const types = (await go.list(queue, 'pending')).map(({ type }) => type);
      expect(types).not.toContain('never');
      expect(types.slice(types.indexOf('later'))).not.toContain('ends');
    },
  );

  item('106 the manager follows its provider; errors change nothing, except at the start', async () => {
    const queue = bed.queue();
    const kept: PeriodicTask = { spec: '@daily', task: 'kept', queue, maxRetries: 3, timeout: '9s' };
    let provide = (): PeriodicTask[] => [kept, { spec: '@daily', task: 'gone', queue }];
    let asked = 0;
    const manager = new PeriodicTaskManager(bed.broker, {
      provider() {
        asked += 1;
        return provide();
      },
      syncInterval: 300,
    });
    onTestFinished(() => manager.stop());
    const shown = async () => {
      const entries = await inspector().schedulers.entries();
      const own = entries.filter(({ options }) => options.queue === queue);
      return Object.fromEntries(own.map(({ type, id }) => [type, id]));
    };
    await manager.start();
    await until(async () => Object.keys(await shown()).length === 2);
    const before = await shown();
    provide = () => {
      throw new Error('no');
    };
    const failedFrom = asked;
    await until(() => Promise.resolve(asked > failedFrom + 2));
    expect(await shown()).toEqual(before);
    provide = () => [
      { timeout: '9000ms', maxRetries: 3, queue, task: 'kept', spec: '@daily' },
      { spec: '@hourly', task: 'new', queue },
    ];
    await until(async () => 'new' in (await shown()));
    const after = await shown();
    expect(Object.keys(after).sort()).toEqual(['kept', 'new']);
    expect(after['kept']).toBe(before['kept']);
    const fails = new PeriodicTaskManager(bed.broker, { provider: () => Promise.reject(new Error('no')) });
    await expect(fails.start()).rejects.toThrow('no');
  });

  item('107 both: our scheduler and Go’s with one unique entry store one task per period', async () => {
    const [queue, go] = [bed.queue(), bed.go()];
    const outcomes: string[] = [];
    const scheduler = ours({
      postEnqueue: (fired) => void outcomes.push('task' in fired ? 'ours' : 'theirs'),
    });
    scheduler.register('@every 2s', { task: 'x', payload: Buffer.from('p'), queue, unique: '1h' });
    const second = ours();
    second.register('@every 2s', { task: 'x', payload: Buffer.from('p'), queue, unique: '1h' });
    await Promise.all([
      scheduler.start(),
      second.start(),
      go.schedule(
        [{ spec: '@every 2s', task: { type: 'x', payload: 'p', queue, uniqueMs: 3_600_000 } }],
        1_000,
      ),
    ]);
    await until(() => Promise.resolve(outcomes.length >= 2));
    expect(await go.list(queue, 'pending')).toHaveLength(1);
    expect(outcomes[1]).toBe('theirs');
    const { worker } = bed.worker({ queues: [queue] });
    let ran = 0;
    worker.handle('x', () => void (ran += 1));
    await worker.start();
    // The lock is released with the task: a later period stores a task again.
    await until(() => Promise.resolve(ran >= 2));
  });
});
