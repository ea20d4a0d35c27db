import { describe, expect, test } from 'vitest';
import type { EntryRecord } from '../../../src/broker/scheduler-entries.ts';
import { redisBed } from './bed.ts';

const SCHEDULER = 'h:7:3c0ffee0-0000-4000-8000-000000000001';
const KEY = `asynq:schedulers:{${SCHEDULER}}`;
const HISTORY = 'asynq:scheduler_history:e';

describe('schedulers in Redis', () => {
  const bed = redisBed();

  const anEntry = (id: string): EntryRecord => ({
    id,
    spec: '@daily',
    type: 't',
    payload: null,
    options: [],
    nextMs: bed.now() + 1,
    prevMs: null,
  });
  const show = (ids: readonly string[], ttlMs = 20_000) =>
    bed.broker.schedulerEntries.writeEntries(SCHEDULER, { entries: ids.map(anEntry), ttlMs });
  const idsNow = async () => (await bed.broker.schedulerEntries.entries()).map(({ id }) => id);
  const untilS = () => Math.floor(bed.now() / 1_000) + 20;

  test('the keys, scores and expiries are those of Asynq', async () => {
    await show(['a', 'b'], 19_200);
    expect(await bed.keys()).toEqual(['asynq:schedulers', KEY]);
    expect(String(await bed.ask('ZSCORE', 'asynq:schedulers', KEY))).toBe(String(untilS()));
    const leftMs = Number(await bed.ask('PTTL', KEY));
    expect(leftMs).toBeGreaterThan(18_000);
    expect(leftMs).toBeLessThanOrEqual(20_000);
    // LPUSH reverses the order, as with Asynq.
    expect(await idsNow()).toEqual(['b', 'a']);
  });

  test('clearing removes everything', async () => {
    await show(['a']);
    await bed.broker.schedulerEntries.recordEvent('e', { taskId: 't', atMs: bed.now() });
    await bed.broker.schedulerEntries.clearEntries(SCHEDULER);
    await bed.broker.schedulerEntries.clearEvents(['e']);
    expect(await bed.keys()).toEqual([]);
  });

  test('reading removes members that expired more than a second ago', async () => {
    await show(['a']);
    bed.advance(20_000);
    expect(await idsNow()).toEqual(['a']);
    bed.advance(1_000);
    expect(await idsNow()).toEqual([]);
    expect(await bed.ask('EXISTS', 'asynq:schedulers')).toBe(0);
  });

  test('a list that does not exist, has a wrong type or another name is left out, and so is an invalid entry', async () => {
    const key = (name: string) => `asynq:schedulers:{${name}}`;
    for (const name of [key('gone'), key('set'), 'another:name'])
      await bed.ask('ZADD', 'asynq:schedulers', untilS(), name);
    await bed.ask('SADD', key('set'), 'x');
    await bed.ask('RPUSH', 'another:name', 'x');
    await show(['a']);
    await bed.ask('RPUSH', KEY, Buffer.from([255, 255]));
    expect(await idsNow()).toEqual(['a']);
  });

  test('a call carries at most 256 entries', async () => {
    await bed.ask('CONFIG', 'RESETSTAT');
    await show(Array.from({ length: 600 }, (_, i) => `e${i}`));
    const stats = String(await bed.ask('INFO', 'commandstats'));
    expect(/cmdstat_lpush:calls=(\d+)/.exec(stats)?.[1]).toBe('3');
    expect(await bed.ask('LLEN', KEY)).toBe(600);
  });

  test('an event has its whole second as its score', async () => {
    await bed.broker.schedulerEntries.recordEvent('e', { taskId: 't', atMs: bed.now() });
    expect(await bed.keys()).toEqual([HISTORY]);
    const atS = Math.floor(bed.now() / 1_000);
    expect(await bed.ask('ZCOUNT', HISTORY, atS, atS)).toBe(1);
  });

  test('invalid events are left out, and a history of a wrong type is empty', async () => {
    await bed.broker.schedulerEntries.recordEvent('e', { taskId: 't', atMs: bed.now() });
    await bed.ask('ZADD', HISTORY, 1, Buffer.from([255]));
    const page = { page: 1, pageSize: 30 };
    expect(await bed.broker.schedulerEntries.events('e', page)).toEqual([{ taskId: 't', atMs: bed.now() }]);
    await bed.ask('SET', 'asynq:scheduler_history:text', 'x');
    expect(await bed.broker.schedulerEntries.events('text', page)).toEqual([]);
  });
});
