import { describe, expect, onTestFinished } from 'vitest';
import {
  createMaintenance,
  createRuntime,
  Inspector,
  Schedules,
  type ScheduleOptions,
} from '../../packages/engine/src/index.ts';
import { scheduleEntryId } from '../../packages/engine/src/protocol/keys.ts';
import { interopBed, item, until } from '../support/bed.ts';
import { cli, tableIn } from '../support/cli.ts';
import type { GoPeer } from '../support/go-peer.ts';

/** An entry as Go's inspector shows it. */
interface GoEntry {
  readonly id: string;
  readonly spec: string;
  readonly type: string;
  readonly payload: string | null;
  readonly options: readonly string[];
  readonly nextMs: number;
  readonly prevMs: number;
}

describe('schedules that the broker keeps', () => {
  const bed = interopBed();

  /** Puts schedules, and starts two workers that fire them: one of the two shows them. */
  async function put(...schedules: readonly ScheduleOptions[]): Promise<Schedules> {
    const all = new Schedules(bed.broker);
    for (const schedule of schedules) await all.put(schedule);
    const queues = [...new Set(schedules.map(({ task }) => task.queue ?? 'default'))];
    for (let i = 0; i < 2; i += 1) {
      const { worker } = bed.worker({ queues });
      worker.handle('report', async () => {});
      await worker.start();
    }
    return all;
  }
  const entryOf = async (go: GoPeer, name: string) =>
    (await go.inspect<GoEntry[]>('schedulerEntries')).find(({ id }) => id === scheduleEntryId(name));

  item(
    '98 us → Go: Go lists the schedules that our broker keeps, and the tasks that they have made',
    async () => {
      const [queue, go] = [bed.queue(), bed.go()];
      const [daily, often] = [`${queue}-daily`, `${queue}-often`];
      const task = { task: 'report', queue, payload: { a: 1 }, maxRetries: 3, timeout: '90s' } as const;
      const schedules = await put(
        { id: daily, cron: '30 8 * * mon-fri', timezone: 'Asia/Shanghai', businessId: 'shop-a', task },
        { id: often, every: '1s', task },
      );
      await until(async () => (await entryOf(go, often))?.prevMs !== 0 && !!(await entryOf(go, often)), 50);
      const entry = await entryOf(go, `shop-a.${daily}`);
      expect(entry).toMatchObject({
        spec: 'CRON_TZ=Asia/Shanghai 30 8 * * mon-fri',
        type: 'report',
        prevMs: 0,
      });
      expect(entry?.options).toEqual([`Queue("${queue}")`, 'MaxRetry(3)', 'Timeout(1m30s)']);
      expect(Buffer.from(entry?.payload ?? '', 'base64').toString()).toBe('{"a":1}');
      const { nextFireAt } = await schedules.get({ id: daily, businessId: 'shop-a' });
      expect(entry?.nextMs).toBe(nextFireAt?.getTime());

      const eventsOf = (id: string) =>
        go.inspect<{ taskId: string; atMs: number }[]>('enqueueEvents', {
          task: scheduleEntryId(id),
          page: 1,
          size: 100,
        });
      await until(async () => (await eventsOf(often)).length >= 3, 50);
      const events = await eventsOf(often);
      const fires = await schedules.fires(often, { limit: 100 });
      const made = fires.map(({ taskId, decidedAt }) => ({ taskId, atMs: decidedAt.getTime() }));
      expect(made.slice(-events.length)).toEqual(events);
      expect(await eventsOf(daily)).toEqual([]);
      // To us they are schedules, and no entries beside them.
      expect(await new Inspector(bed.broker).schedulers.entries()).toEqual([]);
    },
  );

  item(
    '98 us → Go: the command asynq lists the schedules that our broker keeps, and their history',
    async () => {
      const [queue, go] = [bed.queue(), bed.go()];
      const [yearly, often] = [`${queue}-yearly`, `${queue}-often`];
      const task = { task: 'report', queue, maxRetries: 3 };
      await put({ id: yearly, cron: '@yearly', task }, { id: often, every: '2s', task });
      await until(async () => ((await entryOf(go, often))?.prevMs ?? 0) > 0, 50);
      const rows = tableIn(await cli(bed.redis.address, 'cron', 'ls'), 'EntryID');
      const rowOf = (id: string) => rows.find(({ EntryID }) => EntryID === scheduleEntryId(id));
      expect(rowOf(yearly)).toMatchObject({ Spec: '@yearly', Type: 'report', Prev: 'N/A' });
      expect(rowOf(often)).toMatchObject({ Spec: '@every 2s' });
      const history = async () =>
        tableIn(await cli(bed.redis.address, 'cron', 'history', scheduleEntryId(often)), 'TaskID');
      await until(async () => (await history()).length >= 2, 50);
      expect((await history())[0]?.['TaskID']).toMatch(/^[\da-f]{8}-[\da-f]{4}-7/);
    },
  );

  item(
    '98 Go → us: a fire that waits for a run is made within 10 s of its end when Go ended it',
    async () => {
      const [queue, go] = [bed.queue(), bed.go()];
      const scheduler = createMaintenance({
        broker: bed.broker,
        queues: () => [],
        firedQueues: () => [queue],
        runtime: createRuntime({}, bed.broker.log),
      });
      scheduler.start();
      onTestFinished(() => scheduler.stop());
      await go.serve({ queues: { [queue]: 1 }, behaviours: { slow: { do: 'hang' } } });
      const task = { task: 'slow', queue, timeout: '2s', maxRetries: 0 } as const;
      await new Schedules(bed.broker).put({ id: queue, every: '1s', overlap: 'queue', maxRuns: 2, task });
      await go.sawMany('failed', 1);
      const endedMs = performance.now();
      await go.sawMany('started', 2);
      expect(performance.now() - endedMs).toBeLessThan(10_000);
      const order = go.events.map(({ event }) => event).filter((event) => event !== 'ended');
      expect(order.slice(0, 3)).toEqual(['started', 'failed', 'started']);
    },
  );
});
