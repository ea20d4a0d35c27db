import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { rawRedis, type RawRedis } from '../../engine/test/support/raw-redis.ts';
import { freePort, hasRedis, startRedis, type RedisServer } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli } from './support/cli.ts';

describe.skipIf(!hasRedis())('a Redis that may remove tasks', () => {
  let folder: TempFolder;
  let server: RedisServer;
  let raw: RawRedis;
  let env: Record<string, string>;

  beforeEach(async () => {
    folder = await tempFolder();
    const port = await freePort();
    env = { TASKCENTER_HTTP_PORT: String(port), TASKCENTER_URL: `http://127.0.0.1:${port}` };
    server = await startRedis();
    raw = await rawRedis(server.port);
    await raw.call('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru', 'maxmemory', '1gb');
  });
  afterEach(async () => {
    await endAll();
    raw.close();
    await server.stop();
    await folder.remove();
  });

  const run = (...args: string[]) => runCli(args, { env, cwd: folder.path });

  test('ends the start of the service with what to do', async () => {
    const { code, err } = await run('serve', '--broker', server.url);
    expect(code).toBe(1);
    expect(err).toMatch(
      /cannot keep its promises: .*allkeys-lru.*\(eviction\).*Set maxmemory-policy noeviction/,
    );
  });

  test('is served if the configuration allows it, and `broker` shows what is wrong', async () => {
    const service = startCli(['serve', '--broker', server.url, '--broker-allow', 'eviction'], {
      env,
      cwd: folder.path,
    });
    await service.saw(/Task Center runs on/);
    const { code, out } = await run('broker');
    expect(code).toBe(0);
    expect(out).toMatch(/kind +redis\n.*role +master\n/s);
    expect(out).toMatch(/warning eviction since \d{4}-.*allkeys-lru/);
    const { findings } = JSON.parse((await run('broker', '--json')).out);
    expect(findings).toContainEqual(expect.objectContaining({ code: 'eviction', severity: 'warning' }));
  });

  test('is checked by fsck all the same', async () => {
    const { code, out } = await run('fsck', '--broker', server.url);
    expect([code, out]).toEqual([0, '0 queues checked: nothing is wrong.\n']);
  });
});
