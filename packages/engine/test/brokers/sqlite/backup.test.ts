import { existsSync } from 'node:fs';
import { copyFile, readdir, stat, writeFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { expect, describe, test } from 'vitest';
import { openBackup, writeBackup } from '../../../src/control/index.ts';
import { Inspector } from '../../../src/inspector/inspector.ts';
import { fsck } from '../../../src/control/fsck.ts';
import { aTask, manyTasks } from '../../support/factories.ts';
import { folder, open } from './open.ts';
import { startProgram } from '../../support/program.ts';

const pendingOf = async (path: string): Promise<number> => {
  const broker = await open(path);
  const [facts] = await broker.inspect.queueFacts(['default']);
  return facts?.counts.pending ?? 0;
};

describe('a backup', () => {
  test('has all tasks that were stored before it began, and opens as a file of its own', async () => {
    const { file } = await folder();
    const broker = await open(file('tasks.db'));
    await broker.submit.enqueue(manyTasks(3_000, 't'));
    const { path, bytes } = await new Inspector(broker).backup(file('copy.db'));
    expect(path).toBe(file('copy.db'));
    const copy = await stat(file('copy.db'));
    expect([copy.size, copy.mode & 0o777]).toEqual([bytes, 0o600]);
    expect(await pendingOf(file('copy.db'))).toBe(3_000);
    // The owner goes on.
    expect(await broker.submit.enqueue([aTask()])).toMatchObject([{ code: 'created' }]);
  });

  test('is consistent although the file changes while it is made', async () => {
    const { file } = await folder();
    const broker = await open(file('tasks.db'));
    let before = 2_000;
    await broker.submit.enqueue(manyTasks(before, 'before'));
    for (let i = 0; i < 2; i += 1) {
      let isDone = false;
      let stored = 0;
      // 2 MB each: after some the log is full, and a checkpoint changes the file.
      const load = async () => {
        for (let round = 0; round < 12 && !isDone; round += 1) {
          const payload = Buffer.alloc(20_000, round);
          const tasks = manyTasks(100, `${i}-${round}-`).map((task) => ({ ...task, payload }));
          await broker.submit.enqueue(tasks);
          stored += 100;
        }
      };
      const loading = load();
      await writeBackup(broker, file(`copy${i}.db`));
      isDone = true;
      await loading;
      const copy = await open(file(`copy${i}.db`));
      const [facts] = await copy.inspect.queueFacts(['default']);
      expect(facts?.counts.pending).toBeGreaterThanOrEqual(before);
      expect(await fsck(copy)).toMatchObject({ findings: [] });
      await copy.close();
      before += stored;
    }
  });

  test('refuses a file that exists, and a folder that does not', async () => {
    const { file, path } = await folder();
    const broker = await open(file('tasks.db'));
    await writeFile(file('taken.db'), 'mine');
    for (const target of ['taken.db', 'tasks.db', 'nowhere/copy.db'])
      await expect(writeBackup(broker, file(target))).rejects.toMatchObject({ code: 'invalid-value' });
    expect((await readdir(path)).filter((name) => name.includes('part'))).toEqual([]);
  });

  test('leaves nothing when it is given up, and the next one works', async () => {
    const { file, path } = await folder();
    const broker = await open(file('tasks.db'));
    await broker.submit.enqueue(manyTasks(5_000, 't'));
    const given = new AbortController();
    const first = writeBackup(broker, file('first.db'), { signal: given.signal });
    const second = writeBackup(broker, file('second.db'));
    given.abort(new Error('the client has gone'));
    await expect(first).rejects.toThrow('the client has gone');
    await second;
    expect((await readdir(path)).filter((name) => /first|part/.test(name))).toEqual([]);
    expect(await pendingOf(file('second.db'))).toBe(5_000);
  });

  test('ends when the broker is closed', async () => {
    const { file, path } = await folder();
    const broker = await open(file('tasks.db'));
    await broker.submit.enqueue(manyTasks(5_000, 't'));
    const copying = writeBackup(broker, file('copy.db'));
    const closed = broker.close();
    await expect(copying).rejects.toMatchObject({ code: 'broker-closed' });
    await closed;
    expect(await readdir(path)).toEqual(['tasks.db']);
  });

  test('can be read from its start to its end, and has no name meanwhile', async () => {
    const { file, path } = await folder();
    const broker = await open(file('tasks.db'));
    await broker.submit.enqueue(manyTasks(500, 't'));
    const { bytes, content } = await openBackup(broker);
    expect((await readdir(path)).filter((name) => name.includes('backup'))).toEqual([]);
    const received = await buffer(content);
    expect(received.length).toBe(bytes);
    await writeFile(file('received.db'), received);
    expect(await pendingOf(file('received.db'))).toBe(500);
  });

  test('that a crashed process was making is removed by the next one', async () => {
    const { file } = await folder();
    await (await open(file('tasks.db'))).close();
    await writeFile(file('tasks.db-backup-0197'), 'half a copy');
    await open(file('tasks.db'));
    expect(existsSync(file('tasks.db-backup-0197'))).toBe(false);
  });

  test('made before a migration opens without a log, too', async () => {
    const { file } = await folder();
    const broker = await open(file('tasks.db'));
    await broker.submit.enqueue(manyTasks(10, 't'));
    await broker.close();
    const sql = `VACUUM INTO '${file('copy.db')}'`;
    await startProgram(import.meta.url, 'sql.mjs', file('tasks.db'), sql).ended;
    await copyFile(file('copy.db'), file('other.db'));
    expect(await pendingOf(file('other.db'))).toBe(10);
  });
});
