import { describe, expect, test } from 'vitest';
import { encodeMessage } from '../../../src/protocol/message.ts';
import { receiptsKey } from '../../../src/protocol/keys.ts';
import type { Receipt } from '../../../src/brokers/redis/calls/receipts.ts';
import { cancel, pause, changeOne } from '../../../src/brokers/redis/scripts/control/table.ts';
import { enqueue } from '../../../src/brokers/redis/scripts/submit/enqueue.ts';
import {
  exchange,
  type ExchangeCall,
  type ExchangeReply,
} from '../../../src/brokers/redis/scripts/consume/exchange.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const Q = 'asynq:{q}:';

describe.skipIf(!hasRedis())('a call that arrives twice', () => {
  const bed = redisBed();

  const receipt = (sequence: number, slot = 3): Receipt => ({
    key: receiptsKey('q', 'tester'),
    slot,
    sequence,
    release() {},
  });

  const tasksCall = (sequence: number, ids: readonly string[], slot = 3) => ({
    queue: 'q',
    receipt: receipt(sequence, slot),
    businesses: [],
    items: ids.map((id, i) => ({
      id,
      message: encodeMessage({ type: 't', id, queue: 'q' }),
      meta: '',
      delayMs: i === 1 ? 5_000 : 0,
      runAtMs: 0,
      lock: '',
      lockSeconds: 0,
      group: '',
    })),
  });

  const fetchCall = (
    sequence: number,
    { finishes = [], room = 10 }: { finishes?: ExchangeCall['finishes']; room?: number } = {},
  ): ExchangeCall => ({
    receipt: receipt(sequence),
    finishes,
    fetch: { queues: ['q'], room, leaseMs: 6_000, worker: 'w' },
  });

  const store = (sequence: number, ids: readonly string[], slot = 3) =>
    bed.client.run(enqueue, tasksCall(sequence, ids, slot));
  const runExchange = async (call: ExchangeCall) => (await bed.client.run(exchange, call)) as ExchangeReply;

  test('stores nothing the second time and answers the same', async () => {
    const first = await store(5, ['a', 'b', 'a']);
    expect(first).toEqual({ nowMs: bed.now(), codes: '110', isNew: true, holders: [] });
    await bed.ask('DEL', `${Q}t:a`, `${Q}pending`);
    bed.advance(1_000);
    expect(await store(5, ['a', 'b', 'a'])).toEqual(first);
    expect(await bed.ask('EXISTS', `${Q}t:a`, `${Q}pending`)).toBe(0);
  });

  test('also writes the second time: WAIT behind it covers only the last write of its own connection', async () => {
    const offset = async () =>
      /rdb_changes_since_last_save:(\d+)/.exec(String(await bed.ask('INFO', 'persistence')))?.[1];
    await store(5, ['a']);
    const before = Number(await offset());
    await store(5, ['a']);
    expect(Number(await offset())).toBeGreaterThan(before);
  });

  test('does nothing when a later call has its slot', async () => {
    await store(6, ['b']);
    expect(await store(5, ['a'])).toEqual({ stale: true });
    expect(await bed.client.run(exchange, fetchCall(5))).toEqual({ stale: true });
    expect(await bed.ask('EXISTS', `${Q}t:a`, `${Q}active`)).toBe(0);
    expect(await bed.ask('HGET', receiptsKey('q', 'tester'), 3)).toMatch(/^6:/);
  });

  test('is recognized by its slot and sequence alone', async () => {
    await store(5, ['a']);
    expect(await store(6, ['c'], 4)).toMatchObject({ codes: '1' });
    expect(await store(7, ['d'])).toMatchObject({ codes: '1' });
    expect(await bed.ask('HLEN', receiptsKey('q', 'tester'))).toBe(2);
  });

  test('leaves receipts that expire by themselves', async () => {
    const key = receiptsKey('q', 'tester');
    await store(1, ['a'], 0);
    expect(await bed.ask('TTL', key)).toBe(600);
    await bed.ask('EXPIRE', key, 10);
    await store(2, ['b'], 1);
    expect(await bed.ask('TTL', key)).toBeLessThanOrEqual(10);
  });

  test('takes the same tasks again, with renewed leases', async () => {
    await store(1, ['a', 'later', 'c']);
    const first = await runExchange(fetchCall(2));
    expect(first.fetched[0]?.rows.map(({ id }) => id)).toEqual(['a', 'c']);
    bed.advance(2_000);
    const again = await runExchange(fetchCall(2));
    expect(again.fetched[0]).toMatchObject({ token: first.fetched[0]?.token });
    expect(again.fetched[0]?.rows.map(({ id, message }) => [id, message])).toEqual(
      first.fetched[0]?.rows.map(({ id, message }) => [id, message]),
    );
    expect(again.fetched[0]?.rows.map(({ state }) => state)).toEqual(
      [0, 1].map(() => `${bed.now() - 2_000};1;0;0;w`),
    );
    expect(await bed.ask('LLEN', `${Q}active`)).toBe(2);
    const score = Number(await bed.ask('ZSCORE', `${Q}lease`, 'a'));
    expect(Math.floor(score)).toBe(Math.ceil((bed.now() + 6_000) / 1_000));
  });

  test('takes only tasks that no other worker has taken meanwhile', async () => {
    await store(1, ['a', 'later', 'c']);
    const first = await runExchange(fetchCall(2));
    await bed.ask('ZADD', `${Q}lease`, 9_999_999_999, 'a');
    await bed.ask('DEL', `${Q}t:c`);
    const again = await runExchange(fetchCall(2));
    expect(first.fetched[0]?.rows).toHaveLength(2);
    expect(again.fetched[0]?.rows).toEqual([]);
  });

  test('finishes once, and answers the same', async () => {
    await store(1, ['a', 'later', 'c']);
    const { fetched } = await runExchange(fetchCall(2, { room: 1 }));
    const finishes = [
      {
        queue: 'q',
        plain: [
          { token: fetched[0]?.token ?? 0, ids: ['a'] },
          { token: 1, ids: ['x'] },
        ],
        others: [],
      },
    ];
    const first = await runExchange(fetchCall(3, { finishes, room: 1 }));
    expect(first).toMatchObject({ codes: '10', fetched: [{ rows: [{ id: 'c' }] }] });
    const again = await runExchange(fetchCall(3, { finishes, room: 1 }));
    expect(again).toMatchObject({ codes: '10', fetched: [{ rows: [{ id: 'c' }] }] });
    expect(await bed.ask('GET', `${Q}processed`)).toBe('1');
  });

  test('also reports IDs without a task again', async () => {
    await bed.ask('LPUSH', `${Q}pending`, 'ghost');
    const expected = { codes: '', fetched: [{ queue: 'q', rows: [], dropped: ['ghost'], corrupt: null }] };
    expect(await runExchange(fetchCall(1))).toMatchObject(expected);
    expect(await runExchange(fetchCall(1))).toMatchObject(expected);
  });

  test('pauses, cancels and removes once, and answers the same', async () => {
    await store(1, ['a', 'b']);
    const { client } = bed;
    const paused = { queue: 'q', receipt: receipt(2), paused: true, reason: null };
    expect(await client.run(pause, paused)).toBe(true);
    expect(await client.run(pause, paused)).toBe(true);
    expect(await client.run(pause, { ...paused, receipt: receipt(3) })).toBe(false);
    const a = { task: { queue: 'q', id: 'a' }, cancellationJson: '{}', keepS: 3_600, lock: '' };
    const cancelled = { code: 'done', from: 'pending' };
    expect(await client.run(cancel, { ...a, receipt: receipt(4) })).toEqual(cancelled);
    expect(await client.run(cancel, { ...a, receipt: receipt(4) })).toEqual(cancelled);
    const removed = { code: 'done', from: 'scheduled' };
    const b = { task: { queue: 'q', id: 'b' }, lock: '' };
    expect(await client.run(changeOne, { ...b, action: 'remove', receipt: receipt(5) })).toEqual(removed);
    expect(await client.run(changeOne, { ...b, action: 'remove', receipt: receipt(5) })).toEqual(removed);
    expect(await client.run(changeOne, { ...b, action: 'remove', receipt: receipt(6) })).toEqual({
      code: 'task-not-found',
    });
  });
});
