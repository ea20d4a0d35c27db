import { chmod, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { expect, describe, test } from 'vitest';
import { aTask, manyTasks } from '../../support/factories.ts';
import { migrations } from '../../../src/brokers/sqlite/migrations/migrations.generated.ts';
import { folder, open } from './open.ts';
import { startProgram } from '../../support/program.ts';

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);
const isRoot = process.getuid?.() === 0;

describe('a file in use', () => {
  test('is refused to a second process at once, with the path', async () => {
    const path = (await folder()).file('tasks.db');
    const holder = startProgram(import.meta.url, 'hold.mjs', path);
    expect(await holder.nextLine()).toBe('open');
    const startedMs = performance.now();
    await expect(open(path)).rejects.toMatchObject({ code: 'database-in-use', details: { path } });
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    await holder.kill();
    await expect((await open(path)).ping()).resolves.toBeUndefined();
  });

  test('is refused to a second broker in the same process, under another name of the file too', async () => {
    const { file } = await folder();
    const path = file('tasks.db');
    const broker = await open(path);
    await symlink(path, file('link.db'));
    await expect(open(path)).rejects.toMatchObject({ code: 'database-in-use' });
    await expect(open(file('link.db'))).rejects.toMatchObject({ code: 'database-in-use' });
    await broker.submit.enqueue([aTask()]);
    // The refused opens must not have dropped the first one's locks.
    expect(await startProgram(import.meta.url, 'hold.mjs', path).nextLine()).toMatch(
      /^database-in-use .*tasks\.db/,
    );
  });

  test('can be opened again once it is closed', async () => {
    const path = (await folder()).file('tasks.db');
    const first = await open(path);
    await first.submit.enqueue([aTask({ id: 'a' })]);
    await first.close();
    const second = await open(path);
    expect(await second.inspect.task({ queue: 'default', id: 'a' })).toMatchObject({ state: 'pending' });
  });
});

describe('the path of a file', () => {
  test('is created with its folders, for this user only', async () => {
    const { file } = await folder();
    const path = file('deep/er/tasks.db');
    const broker = await open(path);
    await broker.submit.enqueue([aTask()]);
    expect(await modeOf(file('deep'))).toBe('700');
    expect(await modeOf(file('deep/er'))).toBe('700');
    expect(await modeOf(path)).toBe('600');
    expect(await modeOf(`${path}-wal`)).toBe('600');
  });

  test('is refused below a plain file', async () => {
    const { file } = await folder();
    await writeFile(file('plain'), 'x');
    for (const path of [file('plain/tasks.db'), file('plain/deeper/tasks.db')]) {
      await expect(open(path)).rejects.toMatchObject({
        code: 'database-unusable',
        details: { path, cause: expect.stringContaining('is a file') },
      });
    }
  });

  test('is refused if it is a folder', async () => {
    const { file } = await folder();
    await mkdir(file('tasks.db'));
    await expect(open(file('tasks.db'))).rejects.toMatchObject({
      code: 'database-unusable',
      message: expect.stringContaining('it is a folder'),
    });
  });

  test('is refused where this user may not write', async () => {
    const { file } = await folder();
    await mkdir(file('locked'));
    await chmod(file('locked'), 0o500);
    // Root may write everywhere but in the kernel's own file systems.
    await expect(open(isRoot ? '/sys/tasks.db' : file('locked/tasks.db'))).rejects.toMatchObject({
      code: 'database-unusable',
      details: { cause: expect.stringContaining('may not read and write it') },
    });
  });
});

describe('the content of a file', () => {
  test('is refused and left as it is if it is not a database', async () => {
    const { file } = await folder();
    const text = 'this is a letter, not a database\n'.repeat(200);
    await writeFile(file('tasks.db'), text);
    await expect(open(file('tasks.db'))).rejects.toMatchObject({
      code: 'database-unusable',
      details: { cause: 'file is not a database' },
    });
    expect(await readFile(file('tasks.db'), 'utf8')).toBe(text);
  });

  test('is refused if it is the database of another program', async () => {
    const path = (await folder()).file('tasks.db');
    await startProgram(import.meta.url, 'sql.mjs', path, 'CREATE TABLE invoices (no INTEGER)').ended;
    await expect(open(path)).rejects.toMatchObject({
      code: 'database-unusable',
      details: { cause: 'it is a database of another program' },
    });
  });

  test('is refused if it is damaged', async () => {
    const path = (await folder()).file('tasks.db');
    const broker = await open(path);
    await broker.submit.enqueue(manyTasks(500, 't'));
    await broker.close();
    const bytes = await readFile(path);
    for (let page = 2; page < bytes.length / 4_096; page += 1)
      bytes.fill(0xa5, page * 4_096, page * 4_096 + 64);
    await writeFile(path, bytes);
    await expect(open(path)).rejects.toMatchObject({ code: 'database-unusable' });
  });

  test('is refused if a newer version of the program wrote it', async () => {
    const path = (await folder()).file('tasks.db');
    await (await open(path)).close();
    const sql = "UPDATE meta SET value = 99 WHERE name = 'schema_version'";
    await startProgram(import.meta.url, 'sql.mjs', path, sql).ended;
    await expect(open(path)).rejects.toMatchObject({
      code: 'schema-too-new',
      details: { found: 99, known: migrations.length },
    });
    // An open that was refused must not keep the file locked.
    await startProgram(import.meta.url, 'sql.mjs', path, sql.replace('99', String(migrations.length))).ended;
    await expect((await open(path)).ping()).resolves.toBeUndefined();
  });

  test('may be empty', async () => {
    const path = (await folder()).file('tasks.db');
    await writeFile(path, '');
    expect(await (await open(path)).submit.enqueue([aTask()])).toMatchObject([{ code: 'created' }]);
  });
});
