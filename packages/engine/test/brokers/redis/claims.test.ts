import { describe, expect, test } from 'vitest';
import type { Claim } from '../../../src/broker/claims.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const KEY = 'tc:{lead:metrics}';
const TTL_MS = 10_000;
const HOUR_MS = 3_600_000;

describe.skipIf(!hasRedis())('claims on Redis', () => {
  const bed = redisBed();
  const take = (holder: string) => bed.broker.claims.take('metrics', { holder, ttlMs: TTL_MS });
  const renew = (holder: string, token: number) =>
    bed.broker.claims.renew('metrics', { holder, token, ttlMs: TTL_MS });
  const release = (holder: string, token: number) => bed.broker.claims.release('metrics', { holder, token });

  async function taken(holder: string): Promise<Claim> {
    const claim = await take(holder);
    if (!claim) throw new Error(`${holder} did not get the claim`);
    return claim;
  }

  test('are one hash each, which keeps the last token', async () => {
    const { token, untilMs } = await taken('a');
    const times = { until: String(untilMs), ttl: String(TTL_MS), token: String(token) };
    expect(await bed.keys()).toEqual([KEY]);
    expect(texts(await bed.hash(KEY))).toEqual({ holder: 'a', ...times });
    await release('a', token);
    expect(texts(await bed.hash(KEY))).toMatchObject({ holder: '', token: String(token) });
    expect(await bed.ask('PTTL', KEY)).toBe(-1);
  });

  test('write nothing while somebody waits for one', async () => {
    await taken('a');
    const before = await bed.ask('INFO', 'persistence');
    for (let i = 0; i < 5; i += 1) expect(await take('b')).toBeNull();
    expect(changesIn(await bed.ask('INFO', 'persistence'))).toBe(changesIn(before));
  });

  test('have greater tokens after Redis has lost what it knew of them', async () => {
    const before = await taken('a');
    await bed.ask('DEL', KEY);
    bed.advance(1);
    const after = await taken('b');
    expect(after.token).toBeGreaterThan(before.token);
    expect(await renew('a', before.token)).toBe(false);
    expect(await release('a', before.token)).toBe(false);
    expect(await renew('b', after.token)).toBe(true);
  });

  test('do not outlast their time when the clock is set back, and their tokens go on', async () => {
    const { token } = await taken('a');
    bed.advance(-HOUR_MS);
    expect(await take('b')).toBeNull();
    bed.advance(TTL_MS - 1);
    expect(await take('b')).toBeNull();
    bed.advance(1);
    expect((await taken('b')).token).toBeGreaterThan(token);
  });

  test('are renewed by their holder after the clock was set back', async () => {
    const { token } = await taken('a');
    bed.advance(-HOUR_MS);
    expect(await renew('a', token)).toBe(true);
    expect(await taken('a')).toEqual({ token, untilMs: bed.now() + TTL_MS });
  });

  test.each([
    ['no fields of ours', { x: '1' }],
    ['texts for numbers', { holder: 'x', token: 'NaN', until: '1e400', ttl: '-5' }],
    ['numbers that are too great', { holder: 'x', token: '9'.repeat(30), until: '9'.repeat(30), ttl: '9' }],
    ['fractions', { holder: 'x', token: '1.5', until: '2.5', ttl: '3.5' }],
  ])('are free where another program has written %s', async (_, fields) => {
    await bed.ask('HSET', KEY, ...Object.entries(fields).flat());
    const { token, untilMs } = await taken('a');
    expect(token).toBe(bed.now());
    expect(untilMs).toBe(bed.now() + TTL_MS);
    expect(await renew('a', token)).toBe(true);
  });

  test('are refused, and nothing is changed, where the key has another type', async () => {
    await bed.ask('SET', KEY, 'x');
    await expect(take('a')).rejects.toMatchObject({ message: expect.stringContaining('WRONGTYPE') });
    expect(await bed.ask('GET', KEY)).toBe('x');
  });
});

const texts = (hash: Readonly<Record<string, Buffer>>): Record<string, string> =>
  Object.fromEntries(Object.entries(hash).map(([field, value]) => [field, value.toString()]));

/** How many writes Redis has counted since it has last saved its data. */
const changesIn = (info: unknown): string | undefined =>
  /rdb_changes_since_last_save:(\d+)/.exec(String(info))?.[1];
