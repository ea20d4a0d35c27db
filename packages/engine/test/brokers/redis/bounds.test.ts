import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { POISON_LIMITS } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import type { ServerRecord } from '../../../src/broker/presence.ts';
import { aTask, finish, manyTasks } from '../../support/factories.ts';
import { hasRedis } from '../../support/redis-server.ts';
import { redisBed } from './bed.ts';

const Q = 'asynq:{q}:';
const STEP = [{ queue: 'q', limit: 256 }];

const aServer = (startedMs: number): ServerRecord => ({
  id: '3c0ffee0-0000-4000-8000-000000000001',
  host: 'host',
  pid: 42,
  concurrency: 10,
  queues: { q: 1 },
  strict: false,
  status: 'active',
  startedMs,
  running: 0,
  tasks: [],
});

describe.skipIf(!hasRedis())('a broker at its limits', () => {
  const bed = redisBed();

  test('refuses new tasks when memory is full, and goes on with accepted ones', async () => {
    await bed.broker.submit.enqueue([
      ...manyTasks(3, 't', { queue: 'q', retentionMs: 60_000 }),
      aTask({ id: 'later', queue: 'q', delayMs: 1_000 }),
    ]);
    await bed.ask('CONFIG', 'SET', 'maxmemory', 1);
    try {
      await expect(bed.broker.submit.enqueue([aTask({ id: 'new', queue: 'q' })])).rejects.toMatchObject({
        code: 'broker-full',
      });
      expect(await bed.broker.inspect.task({ queue: 'q', id: 'new' })).toBeNull();
      const { tasks } = await bed.exchange({ room: 3 });
      expect(tasks).toHaveLength(3);
      const [t0, t1, t2] = tasks;
      const finishes = [finish.succeeded(t0!), finish.retry(t1!, 500), finish.archive(t2!)];
      expect(await bed.broker.consume.extend(tasks, 6_000)).toEqual([true, true, true]);
      expect((await bed.exchange({ finishes, room: 0 })).finished).toEqual([
        'accepted',
        'accepted',
        'accepted',
      ]);
      bed.advance(1_000);
      expect(await bed.broker.maintain.forward(STEP)).toMatchObject([{ moved: 2 }]);
      expect((await bed.exchange()).tasks.map(({ id }) => id)).toEqual(['t1', 'later']);
      expect(await bed.broker.control.pause('q')).toBe(true);
    } finally {
      await bed.ask('CONFIG', 'SET', 'maxmemory', 0);
    }
  });

  test('still shows workers and shares tokens and groups when memory is full', async () => {
    await bed.broker.submit.enqueue([aTask({ id: 'a', queue: 'q', group: 'g' })]);
    await bed.ask('CONFIG', 'SET', 'maxmemory', 1);
    try {
      const { presence, semaphores, groups } = bed.broker;
      await presence.announce(aServer(bed.now()));
      expect(await presence.servers()).toHaveLength(1);
      const call = { scope: 's', maxTokens: 1, holder: 'a', untilMs: bed.now() + 60_000 };
      expect(await semaphores.acquire(call)).toBe(true);
      const rules = { graceMs: 0, maxDelayMs: 0, maxSize: 1 };
      expect(await groups.take('q', rules, 1, null)).toMatchObject({ sets: [{ group: 'g', size: 1 }] });
    } finally {
      await bed.ask('CONFIG', 'SET', 'maxmemory', 0);
    }
  });

  test('keeps 9,999 tasks in the archive, and removes the oldest with their hashes', async () => {
    await bed.ask(
      'EVAL',
      `for i = 1, 10500 do
         redis.call('ZADD', KEYS[1], 1000000000 + i, 'o' .. i)
         redis.call('HSET', 'asynq:{q}:t:o' .. i, 'msg', 'x', 'state', 'archived')
       end`,
      1,
      `${Q}archived`,
    );
    const old = 90 * 86_400_000;
    bed.advance(1_000_000_000_000 - bed.now());
    await bed.broker.submit.enqueue(manyTasks(5, 't', { queue: 'q' }));
    const { tasks } = await bed.exchange();
    await bed.exchange({ finishes: tasks.map((task) => finish.archive(task)), room: 0 });
    expect(await bed.ask('ZCARD', `${Q}archived`)).toBe(9_999);
    expect(await bed.ask('EXISTS', `${Q}t:o506`, `${Q}t:o507`)).toBe(1);
    expect(await bed.ask('ZCOUNT', `${Q}archived`, 0, 1_000_000_000)).toBe(5);
    bed.advance(old + 10_000_000);
    await bed.broker.submit.enqueue([aTask({ id: 'new', queue: 'q' })]);
    await bed.exchange({ finishes: [finish.archive(await bed.takeOne())], room: 0 });
    expect(await bed.ask('ZCARD', `${Q}archived`)).toBe(9_999 - 1_000 + 1);
    expect(await bed.ask('EXISTS', `${Q}t:t0`, `${Q}t:new`)).toBe(1);
  });

  test('removes tasks from a long active list in one pass, and the others keep their order', async () => {
    const others = Array.from({ length: 12_000 }, (_, i) => `x${i}`);
    await bed.broker.submit.enqueue(manyTasks(60, 't', { queue: 'q' }));
    const { tasks } = await bed.exchange();
    for (let i = 0; i < others.length; i += 4_000) {
      await bed.ask('LPUSH', `${Q}active`, ...others.slice(i, i + 4_000));
      await bed.ask('RPUSH', `${Q}active`, ...others.slice(i, i + 4_000).map((id) => `y${id}`));
    }
    const finishes = tasks.filter((_, i) => i % 2 === 0).map((task) => finish.succeeded(task));
    const { finished } = await bed.exchange({ finishes, room: 0 });
    expect(finished).toEqual(finishes.map(() => 'accepted'));
    const left = (await bed.ask('LRANGE', `${Q}active`, 0, -1)) as string[];
    expect(left).toEqual([
      ...others.toReversed(),
      ...Array.from({ length: 30 }, (_, i) => `t${59 - 2 * i}`),
      ...others.map((id) => `y${id}`),
    ]);
  });

  test('answers more finishes than one call takes', async () => {
    await bed.broker.submit.enqueue(manyTasks(600, 't', { queue: 'q', retentionMs: 60_000 }));
    const taken = [];
    for (let n = 0; n < 3; n += 1) taken.push(...(await bed.exchange({ room: 256 })).tasks);
    const { finished } = await bed.exchange({ finishes: taken.map((task) => finish.succeeded(task)) });
    expect(finished).toEqual(Array.from({ length: 600 }, () => 'accepted'));
    expect(await bed.ask('ZCARD', `${Q}completed`)).toBe(600);
  });

  test('leaves no mark of many cancelled tasks when they expire', async () => {
    await bed.broker.submit.enqueue(manyTasks(200, 't', { queue: 'q' }));
    const { control, maintain } = bed.broker;
    await Promise.all(Array.from({ length: 200 }, (_, i) => control.cancel({ queue: 'q', id: `t${i}` }, {})));
    bed.advance(3_601_000);
    expect(await maintain.expire(STEP)).toEqual([200]);
    expect(await bed.ask('EXISTS', `${Q}completed`, 'tc:{q}:st:cancelled')).toBe(0);
  });

  test('renews hundreds of leases in one call', async () => {
    await bed.broker.submit.enqueue(manyTasks(600, 't', { queue: 'q' }));
    const taken = [];
    for (let n = 0; n < 3; n += 1) taken.push(...(await bed.exchange({ room: 256 })).tasks);
    bed.advance(1_000);
    const leases = [...taken, { queue: 'q', id: 'nobody', token: 5 }];
    const kept = await bed.broker.consume.extend(leases, 6_000);
    expect(kept).toEqual([...taken.map(() => true), false]);
  });
});

describe.skipIf(!hasRedis())('recovery', () => {
  const bed = redisBed();
  const recover = () => bed.broker.maintain.recover(STEP, POISON_LIMITS);

  async function loseOne(): Promise<void> {
    await bed.broker.submit.enqueue([aTask({ id: `t${bed.now()}`, queue: 'q' })]);
    await bed.exchange();
  }

  test('holds off after a pause of the broker: live workers renew first', async () => {
    await recover();
    await loseOne();
    bed.advance(20_000);
    expect(await recover()).toEqual([{ recovered: 0, archived: 0, orphans: [] }]);
    for (let ms = 0; ms < 2_000; ms += 500) {
      bed.advance(500);
      expect(await recover()).toEqual([{ recovered: 0, archived: 0, orphans: [] }]);
    }
    bed.advance(500);
    expect(await recover()).toEqual([{ recovered: 1, archived: 0, orphans: [] }]);
  });

  test('does not hold off for ever when the broker pauses again and again', async () => {
    await recover();
    await loseOne();
    const recovered: number[] = [];
    for (let pause = 0; pause < 5; pause += 1) {
      bed.advance(10_000);
      recovered.push((await recover())[0]?.recovered ?? -1);
    }
    expect(recovered).toEqual([0, 0, 0, 1, 0]);
  });

  test('finds our leases behind many Go leases that are in their grace period', async () => {
    await loseOne();
    bed.advance(8_000);
    const nowS = Math.floor(bed.now() / 1_000);
    const go = Array.from({ length: 300 }, (_, i) => [nowS - 2, `g${i}`]).flat();
    await bed.ask('ZADD', `${Q}lease`, ...go);
    expect(await recover()).toEqual([{ recovered: 1, archived: 0, orphans: [] }]);
    expect(await bed.ask('ZCARD', `${Q}lease`)).toBe(300);
  });
});

describe('every script', () => {
  const folder = new URL('../../../src/brokers/redis/scripts/', import.meta.url);
  const lua = (readdirSync(folder, { recursive: true }) as string[]).filter((path) =>
    /\/.*\.lua$/.test(path),
  );
  const preludes = lua.filter((path) => path.startsWith('prelude/'));
  const linesOf = (path: string) => readFileSync(new URL(path, folder), 'utf8').split('\n');

  test.each(lua.filter((path) => !preludes.includes(path)))(
    '%s is short and documents its arguments and its reply',
    (path) => {
      const lines = linesOf(path);
      const head = lines.filter((line) => line.startsWith('--')).join('\n');
      const text = lines.join('\n');
      const words = ['KEYS', 'ARGV', 'RETURN'];
      if (/\bfor\b|unpack/.test(text)) words.push('BOUND');
      if (text.includes('key_prefixes(')) words.push('TOUCHES');
      for (const word of words) expect(head).toContain(`-- ${word}`);
      expect(head).toContain(`-- ${basename(path, '.lua')}: `);
      expect(lines.length).toBeLessThanOrEqual(121);
    },
  );

  test('that writes the state of a stored task does it in the prelude move; new tasks get theirs in store', () => {
    const writers = lua.filter((path) => /'HSET'[^)]*FIELD\.state\b/.test(linesOf(path).join('\n')));
    expect(writers.sort()).toEqual(['prelude/move.lua', 'prelude/store.lua']);
  });

  test.each(preludes)('%s is short and documents its purpose', (path) => {
    const lines = linesOf(path);
    expect(lines[0]).toMatch(/^-- [A-Z`]|^-- now/);
    expect(lines.length).toBeLessThanOrEqual(121);
  });
});
