import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { ServerRecord } from '../../../src/broker/presence.ts';
import { redisBed } from './bed.ts';

const ID = '3c0ffee0-0000-4000-8000-000000000001';
const TAG = `{h:7:${ID}}`;

describe('servers in Redis', () => {
  const bed = redisBed();

  const aServer = (overrides: Partial<ServerRecord> = {}): ServerRecord => ({
    id: ID,
    host: 'h',
    pid: 7,
    concurrency: 1,
    queues: { q: 1 },
    strict: false,
    status: 'active',
    startedMs: bed.now(),
    running: 0,
    tasks: [],
    ...overrides,
  });
  const aTask = (id: string, payload = Buffer.from('x')) => ({
    queue: 'q',
    id,
    type: 't',
    payload,
    startedMs: bed.now(),
    deadlineMs: null,
  });
  const announce = (overrides?: Partial<ServerRecord>) => bed.broker.presence.announce(aServer(overrides));

  test('the keys, scores and expiries are those of Asynq', async () => {
    await announce({ running: 2, tasks: [aTask('a'), aTask('b')] });
    expect(await bed.keys()).toEqual([
      'asynq:servers',
      `asynq:servers:${TAG}`,
      'asynq:workers',
      `asynq:workers:${TAG}`,
    ]);
    const untilS = String(Math.floor(bed.now() / 1_000) + 10);
    for (const kind of ['servers', 'workers']) {
      const name = `asynq:${kind}:${TAG}`;
      const members = (await bed.ask('ZRANGE', `asynq:${kind}`, 0, -1)) as string[];
      expect(members).toEqual([name]);
      expect(String(await bed.ask('ZSCORE', `asynq:${kind}`, name))).toBe(untilS);
      const leftMs = Number(await bed.ask('PTTL', name));
      expect(leftMs).toBeGreaterThan(8_000);
      expect(leftMs).toBeLessThanOrEqual(10_000);
    }
    expect(((await bed.ask('HKEYS', `asynq:workers:${TAG}`)) as string[]).sort()).toEqual(['a', 'b']);
  });

  test('a server that has no tasks any more has no workers key', async () => {
    await announce({ tasks: [aTask('a')] });
    await announce();
    expect(await bed.ask('EXISTS', `asynq:workers:${TAG}`)).toBe(0);
  });

  test('withdrawing removes everything', async () => {
    await announce({ tasks: [aTask('a')] });
    await bed.broker.presence.withdraw(aServer());
    expect(await bed.keys()).toEqual([]);
  });

  test('reading removes members of both sets that expired more than a second ago', async () => {
    await announce();
    bed.advance(10_000);
    expect(await bed.broker.presence.servers()).toHaveLength(1);
    bed.advance(1_000);
    expect(await bed.broker.presence.servers()).toHaveLength(0);
    expect(await bed.ask('EXISTS', 'asynq:servers', 'asynq:workers')).toBe(0);
  });

  test('a member whose key does not exist, has a wrong type or an invalid value is left out', async () => {
    const untilS = Math.floor(bed.now() / 1_000) + 10;
    const key = (name: string) => `asynq:servers:{${name}}`;
    for (const name of ['gone', 'list', 'nonsense'])
      await bed.ask('ZADD', 'asynq:servers', untilS, key(name));
    await bed.ask('ZADD', 'asynq:servers', untilS, 'another:name');
    await bed.ask('RPUSH', key('list'), 'x');
    await bed.ask('SET', key('nonsense'), Buffer.from([255, 255]));
    await announce({ tasks: [aTask('a')] });
    await bed.ask('HSET', `asynq:workers:${TAG}`, 'bad', Buffer.from([255]));
    const servers = await bed.broker.presence.servers();
    expect(servers.map(({ id, tasks }) => [id, tasks.map((task) => task.id)])).toEqual([[ID, ['a']]]);
  });

  test('a workers key of a wrong type is left out, too, and the next announcement replaces it', async () => {
    await announce();
    await bed.ask('RPUSH', `asynq:workers:${TAG}`, 'x');
    expect(await bed.broker.presence.servers()).toMatchObject([{ id: ID, tasks: [] }]);
    await announce({ tasks: [aTask('a')] });
    expect(await bed.broker.presence.servers()).toMatchObject([{ id: ID, tasks: [{ id: 'a' }] }]);
  });

  test('a call carries at most 256 tasks', async () => {
    await bed.ask('CONFIG', 'RESETSTAT');
    const tasks = Array.from({ length: 600 }, (_, i) => aTask(`t${i}`));
    await announce({ tasks });
    const stats = String(await bed.ask('INFO', 'commandstats'));
    expect(/cmdstat_hset:calls=(\d+)/.exec(stats)?.[1]).toBe('3');
    expect(await bed.ask('HLEN', `asynq:workers:${TAG}`)).toBe(600);
  });

  test('the name of this host can be announced', async () => {
    await announce({ host: hostname() });
    expect(await bed.broker.presence.servers()).toMatchObject([{ host: hostname() }]);
  });
});
