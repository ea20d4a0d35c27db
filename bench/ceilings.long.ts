import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, connect, Worker } from '@task-center/engine';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

interface Redis {
  readonly url: string;
  send(...args: string[]): Promise<unknown>;
  stop(): Promise<void>;
}
interface Job {
  readonly kind: 'enqueue' | 'bulk' | 'process';
  readonly count: number;
  readonly concurrency: number;
  readonly payload: object;
}
interface Ceiling {
  readonly name: string;
  open(where: { redis: Redis; folder: string }): Promise<{
    measure(job: Job): Promise<{ seconds: number } | null>;
    close(): Promise<void>;
  }>;
}

// The bench is plain JavaScript.
const load = <T>(file: string) => import(new URL(file, import.meta.url).href) as Promise<T>;
const { ceilingOurs, ceilingFrozen } =
  await load<Record<'ceilingOurs' | 'ceilingFrozen', Ceiling>>('./peers/ceilings.mjs');
const { startRedis } = await load<{ startRedis(): Promise<Redis> }>('./redis.mjs');

const hasRedis = spawnSync('redis-server', ['--version']).status === 0;
const COUNT = 700;
const payload = { user_id: '1', text: 'x'.repeat(200) };

/** A ceiling drives scripts by their inside: what changes there must not leave it measuring calls that do nothing. */
describe.skipIf(!hasRedis).each([ceilingOurs, ceilingFrozen])('$name', (ceiling) => {
  let redis: Redis;
  let folder: string;
  const open = () => ceiling.open({ redis, folder });

  beforeEach(async () => {
    redis = await startRedis();
    folder = mkdtempSync(join(tmpdir(), 'bench-ceiling-'));
  });
  afterEach(async () => {
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([1, 7, 100, 500])('stores tasks and ends each of them at concurrency %i', async (concurrency) => {
    const peer = await open();
    await peer.measure({ kind: 'bulk', count: COUNT, concurrency: 1_000, payload });
    expect(await redis.send('LLEN', 'asynq:{default}:pending')).toBe(COUNT);
    const figures = await peer.measure({ kind: 'process', count: COUNT, concurrency, payload });
    await peer.close();
    expect(figures?.seconds).toBeGreaterThan(0);
    expect(await redis.send('KEYS', 'asynq:{default}:t:*')).toEqual([]);
    for (const key of ['pending', 'active', 'lease']) {
      expect(await redis.send('EXISTS', `asynq:{default}:${key}`), key).toBe(0);
    }
    expect(await redis.send('GET', 'asynq:{default}:processed')).toBe(String(COUNT));
  });

  test('stores what a worker runs', async () => {
    const peer = await open();
    await peer.measure({ kind: 'enqueue', count: 3, concurrency: 100, payload });
    await peer.close();
    const broker = await connect(redis.url);
    const worker = new Worker(broker, { concurrency: 10 });
    const seen: unknown[] = [];
    const all = new Promise<void>((resolve) => {
      worker.handle('bench', (task) => {
        seen.push(task.payload);
        if (seen.length === 4) resolve();
      });
    });
    await new Client(broker).enqueue('bench', payload);
    await worker.start();
    await all;
    await worker.stop();
    await broker.close();
    expect(seen).toEqual([payload, payload, payload, payload]);
  });
});
