import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '@task-center/engine';
import { aTask } from '../../engine/test/support/factories.ts';
import { rawRedis } from '../../engine/test/support/raw-redis.ts';
import { freePort, hasRedis, startRedis } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { endAll, runCli, startCli } from './support/cli.ts';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => {
  await endAll();
  await folder.remove();
});

const run = (...args: string[]) => runCli(['fsck', ...args], { cwd: folder.path });

async function store(url: string): Promise<void> {
  const broker = await connect(url);
  await broker.submit.enqueue(['a', 'b'].map((id) => aTask({ id, queue: 'orders' })));
  await broker.close();
}

describe('fsck on SQLite', () => {
  test('finds nothing wrong in a valid file', async () => {
    await store(`sqlite:${folder.file('data/tasks.db')}`);
    expect(await run()).toEqual({ code: 0, out: '1 queue checked: nothing is wrong.\n', err: '' });
  });

  test('says that a file is in use, and what to do', async () => {
    const env = { TASKCENTER_HTTP_PORT: String(await freePort()) };
    const service = startCli(['serve'], { env, cwd: folder.path });
    await service.saw(/Task Center runs on/);
    const { code, out, err } = await run();
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(
      /^task-center: Another process uses the database .*Stop the service, check the file, and start it again\.\n$/,
    );
  });

  test('does not create a missing file', async () => {
    const { code, err } = await run('--broker', 'sqlite:typo.db');
    expect([code, err]).toEqual([
      2,
      'task-center: There is no file typo.db. Name the broker with --broker.\n',
    ]);
    expect(await run('--broker', 'sqlite:typo.db')).toMatchObject({ code: 2 });
  });
});

describe.skipIf(!hasRedis())('fsck on Redis', () => {
  let server: Awaited<ReturnType<typeof startRedis>>;
  let broker: string[];
  beforeEach(async () => {
    server = await startRedis();
    broker = ['--broker', server.url];
    await store(server.url);
  });
  afterEach(() => server.stop());

  async function damage(...command: string[]): Promise<void> {
    const raw = await rawRedis(server.port);
    await raw.call(...command);
    raw.close();
  }

  test('shows what is wrong and changes nothing; --repair repairs it and says how', async () => {
    await damage('DEL', 'asynq:{orders}:pending');
    const checked = await run(...broker);
    expect(checked.code).toBe(1);
    expect(checked.out).toMatch(
      /^queue +kind +count +repaired +examples +what to do\norders +orphan +2 +0 +task [ab] \(state pending, is in no list or set\), task [ab] .*--repair/,
    );
    expect(checked.err).toBe('task-center: 2 findings remain. Nothing was changed; --repair repairs them.\n');
    const repaired = await run(...broker, '--repair');
    expect(repaired).toMatchObject({ code: 0, err: '' });
    expect(repaired.out).toMatch(/orphan +2 +2 /);
    expect(repaired.out).toMatch(
      /\nRepaired:\n( {2}orders {2}task [ab] \(state pending, is in no list or set\): it is the next to run\n){2}$/,
    );
    expect(await run(...broker)).toMatchObject({ code: 0, out: '1 queue checked: nothing is wrong.\n' });
  });

  test('checks only the named queues, and prints JSON', async () => {
    await damage('LPUSH', 'asynq:{orders}:pending', 'ghost');
    await damage('SADD', 'asynq:queues', 'other');
    expect(await run(...broker, '--queue', 'other')).toMatchObject({ code: 0 });
    const { code, out } = await run(...broker, '--queue', 'orders', 'other', '--json');
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      queues: ['orders', 'other'],
      findings: [
        {
          queue: 'orders',
          what: 'task',
          name: 'ghost',
          kind: 'ghost',
          found: 'no task; is in pending',
          done: null,
        },
      ],
      remaining: 1,
      mended: 0,
      more: false,
    });
  });

  test('opens a broker with what the configuration accepts', async () => {
    await damage('CONFIG', 'SET', 'min-replicas-to-write', '1');
    expect(await run(...broker)).toMatchObject({ code: 2, err: expect.stringMatching(/NOREPLICAS/) });
    const env = { TASKCENTER_BROKER_ALLOW: '["read_only"]' };
    expect(await runCli(['fsck', ...broker], { cwd: folder.path, env })).toMatchObject({
      code: 0,
      out: '1 queue checked: nothing is wrong.\n',
    });
  });

  test.each([
    [['--queue', 'none'], /There is no queue none\./],
    [['--broker', 'redis://127.0.0.1:1'], /did not answer/],
    [['--what'], /unknown option '--what'/],
  ])('%s ends with 2 and says why', async (args, message) => {
    const { code, err } = await run(...broker, ...args);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
