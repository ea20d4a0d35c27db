import { readdir, stat, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '@task-center/engine';
import { aTask } from '../../engine/test/support/factories.ts';
import { launchProgram } from '../../engine/test/support/program.ts';
import { freePort } from '../../engine/test/support/redis-server.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { BIN, endAll, runCli, startCli } from './support/cli.ts';

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
  const broker = await connect(`sqlite:${folder.file('data/tasks.db')}`);
  await broker.submit.enqueue(['a', 'b'].map((id) => aTask({ id })));
  await broker.close();
});
afterEach(async () => {
  await endAll();
  await folder.remove();
});

async function pendingOf(path: string): Promise<number | undefined> {
  const broker = await connect(`sqlite:${path}`);
  try {
    return (await broker.inspect.queueFacts(['default']))[0]?.counts.pending;
  } finally {
    await broker.close();
  }
}

describe('backup', () => {
  test('copies the file of a running service, and replaces a file only with --force', async () => {
    const port = String(await freePort());
    const env = { TASKCENTER_HTTP_PORT: port, TASKCENTER_URL: `http://127.0.0.1:${port}` };
    const service = startCli(['serve'], { env, cwd: folder.path });
    await service.saw(/Task Center runs on/);
    const run = (...args: string[]) => runCli(['backup', 'copy.db', ...args], { env, cwd: folder.path });
    const { code, out } = await run('--json');
    const path = folder.file('copy.db');
    const { size, mode } = await stat(path);
    expect([code, JSON.parse(out), mode & 0o777]).toEqual([0, { path, bytes: size }, 0o600]);
    expect(await run()).toMatchObject({ code: 1, err: expect.stringContaining('--force') });
    await writeFile(path, 'old');
    expect(await run('--force')).toMatchObject({ code: 0, err: '' });
    expect(await pendingOf(path)).toBe(2);
    expect((await readdir(folder.path)).sort()).toEqual(['copy.db', 'data']);
  });

  test('copies the file itself while the service is stopped', async () => {
    const run = (...args: string[]) => runCli(['backup', 'copy.db', ...args], { cwd: folder.path });
    expect(await run('--local', '--broker', 'sqlite:typo.db')).toMatchObject({ code: 1 });
    expect(await run('--local')).toMatchObject({ code: 0, err: '' });
    expect(await pendingOf(folder.file('copy.db'))).toBe(2);
  });

  // Linux then writes a part, without an error.
  test('fails when the disk becomes full within the last write', async () => {
    const port = String(await freePort());
    const service = startCli(['serve'], { env: { TASKCENTER_HTTP_PORT: port }, cwd: folder.path });
    await service.saw(/Task Center runs on/);
    const where = ['--url', `http://127.0.0.1:${port}`, '--key-file', folder.file('data/admin.key')];
    const copy = folder.file('copy.db');
    expect(await runCli(['backup', copy, ...where])).toMatchObject({ code: 0 });
    const { size } = await stat(copy);
    const { ended } = launchProgram(BIN, {
      args: ['backup', copy, '--force', ...where],
      wrapper: ['sh', '-c', `ulimit -f ${Math.floor(size / 512) - 4}; exec "$@"`, 'sh'],
    });
    expect(await ended).toMatchObject({ code: 1 });
    expect((await readdir(folder.path)).sort()).toEqual(['copy.db', 'data']);
    expect((await stat(copy)).size).toBe(size);
  });
});
