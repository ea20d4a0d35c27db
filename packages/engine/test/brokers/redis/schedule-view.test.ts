import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_FIRES } from '../../../src/broker/fires.ts';
import type { ScheduleView, ShownSchedule } from '../../../src/broker/schedule-view.ts';
import { scheduleEntryId } from '../../../src/protocol/keys.ts';
import { decodeSchedulerEntry } from '../../../src/protocol/scheduler-entry.ts';
import { createMaintenance } from '../../../src/loops/maintenance.ts';
import { silentLog } from '../../../src/runtime/log.ts';
import { createRuntime } from '../../../src/runtime/runtime.ts';
import { Schedules } from '../../../src/schedules/schedules.ts';
import { until } from '../../support/until.ts';
import { redisBed } from './bed.ts';

const KEY = 'asynq:schedulers:{task-center:schedules}';

describe('schedules that Go’s tools see', () => {
  const bed = redisBed();
  const view = (): ScheduleView => bed.broker.scheduleView!;
  const historyKey = (name: string) => `asynq:scheduler_history:${scheduleEntryId(name)}`;
  const aShown = (name: string, overrides: Partial<ShownSchedule> = {}): ShownSchedule => ({
    name,
    spec: '@every 15m',
    queue: 'reports',
    type: 'report',
    payload: Buffer.from('{"a":1}'),
    maxRetries: 5,
    timeoutMs: 0,
    retentionMs: 0,
    uniqueMs: 0,
    group: null,
    nextMs: bed.now() + 1_000,
    prevMs: null,
    ...overrides,
  });
  const stored = async () =>
    ((await bed.client.command(['LRANGE', KEY, '0', '-1'])) as Buffer[]).map(decodeSchedulerEntry);
  const eventsOf = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ taskId: `t${i}`, atMs: bed.now() - i * 1_000 }));

  test('are the entries of one scheduler, with the options of their tasks', async () => {
    const more = { timeoutMs: 90_000, retentionMs: 3_600_000, uniqueMs: 60_000, group: 'g' };
    await view().show([aShown('a'), aShown('b', more)], 30_000);
    const [b, a] = await stored();
    expect(a).toMatchObject({
      id: scheduleEntryId('a'),
      spec: '@every 15m',
      taskType: 'report',
      enqueueOptions: ['Queue("reports")', 'MaxRetry(5)'],
    });
    expect(String(a?.taskPayload)).toBe('{"a":1}');
    expect(b?.enqueueOptions.slice(2)).toEqual([
      'Timeout(1m30s)',
      'Retention(1h0m0s)',
      'Unique(1m0s)',
      'Group("g")',
    ]);
    expect(Number(await bed.ask('ZSCORE', 'asynq:schedulers', KEY))).toBe(Math.floor(bed.now() / 1_000) + 30);
    expect(Number(await bed.ask('TTL', KEY))).toBeGreaterThan(20);
  });

  // The first one is what Python's uuid5 makes of the name.
  test('have IDs that follow from their names alone', () => {
    expect(scheduleEntryId('daily-report')).toBe('d0663c5b-86de-5bf6-bddc-cb0f4440c8dd');
    expect(scheduleEntryId('shop-a.daily-report')).not.toBe(scheduleEntryId('shop-b.daily-report'));
  });

  test('are written by any process in the same place', async () => {
    await view().show([aShown('a')], 30_000);
    await view().show([aShown('b')], 30_000);
    expect((await stored()).map(({ id }) => id)).toEqual([scheduleEntryId('b')]);
    expect(await bed.ask('ZCARD', 'asynq:schedulers')).toBe(1);
  });

  test('are no entries of a scheduler to our own inspector', async () => {
    await view().show([aShown('a')], 30_000);
    expect(await bed.broker.schedulerEntries.entries()).toEqual([]);
  });

  test('show what has fired, in place of what was shown before', async () => {
    await view().showFires('a', { events: eventsOf(MAX_FIRES), ttlMs: 60_000 });
    await view().showFires('a', { events: eventsOf(2), ttlMs: 60_000 });
    const events = await bed.broker.schedulerEntries.events(scheduleEntryId('a'), { page: 1, pageSize: 9 });
    expect(events).toEqual(eventsOf(2));
    expect(Number(await bed.ask('TTL', historyKey('a')))).toBeGreaterThan(50);
    await view().showFires('a', { events: [], ttlMs: 60_000 });
    expect(await bed.keys()).toEqual([]);
  });

  test('show no fires any more when that is asked for', async () => {
    await view().showFires('a', { events: eventsOf(1), ttlMs: 60_000 });
    await view().showFires('b', { events: eventsOf(1), ttlMs: 60_000 });
    await view().hideFires(['a', 'unknown']);
    expect(await bed.keys()).toEqual([historyKey('b')]);
  });

  test('are shown by whatever keeps queues in order, while there are any', async () => {
    const { broker } = bed;
    const maintenance = createMaintenance({
      broker,
      queues: () => ['q'],
      runtime: createRuntime({ log: silentLog }),
    });
    onTestFinished(() => maintenance.stop());
    maintenance.start();
    const schedules = new Schedules(broker);
    await schedules.put({ id: 'daily', cron: '0 8 * * *', task: { task: 'report', queue: 'q' } });
    maintenance.wake();
    await until(async () => (await stored()).length === 1);
    expect(await stored()).toMatchObject([{ id: scheduleEntryId('daily'), spec: '0 8 * * *' }]);
    expect(await bed.ask('HEXISTS', 'tc:{lead:schedule-view}', 'holder')).toBe(1);
    await maintenance.stop();
    expect(await broker.claims.take('schedule-view', { holder: 'another', ttlMs: 5_000 })).not.toBeNull();
  });

  test('keep their fires in a compact form', async () => {
    const taskId = '0196d0a0-7c1e-7000-8000-000000000000';
    const events = eventsOf(MAX_FIRES).map(({ atMs }, i) => ({
      taskId: taskId.slice(0, -3) + (100 + i),
      atMs,
    }));
    await view().showFires('a', { events, ttlMs: 60_000 });
    expect(await bed.ask('OBJECT', 'ENCODING', historyKey('a'))).toBe('listpack');
    expect(Number(await bed.ask('MEMORY', 'USAGE', historyKey('a')))).toBeLessThan(8_000);
  });
});
