import { execFile } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '@task-center/engine';
import { rawRedis } from '../../engine/test/support/raw-redis.ts';
import { hasRedis, startRedis } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { BIN } from './support/cli.ts';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(() => folder.remove());

/** Runs a line of a shell in which `tc` is the command. Its exit code is that of the last part of the first pipe. */
const sh = (line: string): Promise<{ code: number; out: string; err: string }> =>
  new Promise((resolve) => {
    const script = `set -o pipefail; tc() { "${process.execPath}" "${BIN}" "$@"; }; ${line}`;
    execFile('bash', ['-c', script], { cwd: folder.path, timeout: 30_000 }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

describe('output that cannot be written', () => {
  test('to a full disk is said, with an exit code', async () => {
    for (const command of ['--version', 'serve --help']) {
      const { code, err } = await sh(`tc ${command} > /dev/full`);
      expect(err).toBe('task-center: The output could not be written (ENOSPC).\n');
      expect(code).toBe(1);
    }
  });

  test('to a reader that has ended already is said, too', async () => {
    const { code, err } = await sh('tc tasks delete --help | (exec <&-; sleep 1)');
    expect(err).toBe('task-center: The output could not be written (nothing reads it).\n');
    expect(code).toBe(1);
  });

  test('of fsck does not pass for findings', async () => {
    const url = `sqlite:${folder.file('tasks.db')}`;
    await (await connect(url)).close();
    const { code, err } = await sh(`tc fsck --broker ${url} > /dev/full`);
    expect(err).toContain('could not be written');
    expect(code).toBe(2);
  });

  test.skipIf(!hasRedis())(
    'of fsck does not hide findings behind head, nor is it cut for a slow reader',
    async () => {
      const server = await startRedis();
      const raw = await rawRedis(server.port);
      await raw.call('SADD', 'asynq:queues', 'orders');
      for (let i = 0; i < 800; i += 1) await raw.call('SET', `asynq:{orders}:unique:${i}`, 'nobody');
      raw.close();
      const line = `tc fsck --json --broker ${server.url} | (read -r line; exec <&-; sleep 1)`;
      expect(await sh(line)).toMatchObject({ code: 1, err: expect.stringContaining('findings remain') });
      const slow = await sh(`tc fsck --json --broker ${server.url} | (sleep 3.5; cat)`);
      expect(JSON.parse(slow.out)).toMatchObject({ remaining: 800 });
      await server.stop();
    },
  );
});

test('a reader that has seen enough, such as head, is no error', async () => {
  const { code, out, err } = await sh('tc enqueue --help | (read -r line; echo "$line"; exec <&-; sleep 1)');
  expect(out).toContain('Usage: task-center enqueue');
  expect(err).toBe('');
  expect(code).toBe(0);
});
