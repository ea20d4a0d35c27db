import { existsSync } from 'node:fs';
import { copyFile, link, readdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { openDatabase } from '../../../src/brokers/sqlite/thread/database.ts';
import { WriteAheadLog } from '../../../src/brokers/sqlite/thread/log.ts';
import { stateOfLog, type LogStart } from '../../../src/brokers/sqlite/thread/log-check.ts';
import { writeBackup } from '../../../src/control/index.ts';
import { aTask, manyTasks } from '../../support/factories.ts';
import type { TempFolder } from '../../support/temp.ts';
import { startProgram, type Program } from '../../support/program.ts';
import { folder, open } from './open.ts';

/** Batches of 2 MB: after eight of them the log is full and is copied into the file. */
const LARGE = '20000';
const UNSAFE = {
  code: 'broker-unsafe',
  details: { findings: [expect.objectContaining({ code: 'file_log' })] },
};

interface Filling {
  /** Of 100 tasks each. Default 3. */
  readonly batches?: number;
  /** Bytes of a payload. Default 300. */
  readonly bytes?: string;
}

async function fill(path: string, { batches = 3, bytes = '300' }: Filling): Promise<Program> {
  const program = startProgram(import.meta.url, 'fill.mjs', path, String(batches), bytes);
  await program.waitForLine((line) => line === 'full');
  return program;
}

/** A file and its log as a killed process left them. */
async function crashed(at: TempFolder, name: string, filling: Filling = {}): Promise<string> {
  const path = at.file(name);
  await (await fill(path, filling)).kill();
  return path;
}

async function pendingOf(path: string, allow = false): Promise<number> {
  const broker = await open(path, allow ? { allow: ['file_log'] } : {});
  const [facts] = await broker.inspect.queueFacts(['default']);
  await broker.close();
  return facts?.counts.pending ?? 0;
}

const copy = async (from: string, to: string, ...endings: string[]) => {
  for (const ending of endings) await copyFile(from + ending, to + ending);
};

describe('a file without its log', () => {
  test('is refused if it was copied while it was in use, and opens where that is allowed', async () => {
    const at = await folder();
    const owner = await fill(at.file('tasks.db'), { batches: 12, bytes: LARGE });
    await copy(at.file('tasks.db'), at.file('copy.db'), '');
    await owner.kill();
    await expect(open(at.file('copy.db'))).rejects.toMatchObject(UNSAFE);
    const broker = await open(at.file('copy.db'), { allow: ['file_log'] });
    expect(broker.findings.current()).toMatchObject([{ code: 'file_log', severity: 'warning' }]);
    const [facts] = await broker.inspect.queueFacts(['default']);
    expect(facts?.counts.pending).toBeLessThan(1_200);
    await broker.close();
    // It is whole now, as a file of its own.
    expect(await pendingOf(at.file('copy.db'))).toBe(facts?.counts.pending);
  });

  test('is refused if it was copied right after it was opened', async () => {
    const at = await folder();
    await crashed(at, 'tasks.db', { batches: 1 });
    await copy(at.file('tasks.db'), at.file('copy.db'), '');
    await expect(open(at.file('copy.db'))).rejects.toMatchObject(UNSAFE);
  });

  test('is refused if the log was removed or emptied after a crash', async () => {
    const at = await folder();
    for (const [name, spoil] of [
      ['removed.db', (log: string) => rm(log)],
      ['emptied.db', (log: string) => truncate(log, 0)],
      ['noise.db', (log: string) => writeFile(log, Buffer.alloc(100_000, 0x5a))],
    ] as const) {
      const path = await crashed(at, name);
      await spoil(`${path}-wal`);
      await expect(open(path), name).rejects.toMatchObject(UNSAFE);
    }
  });

  test('opens after an orderly end, after an exit without one, and after another program has read it', async () => {
    const at = await folder();
    const broker = await open(at.file('closed.db'));
    await broker.submit.enqueue(manyTasks(300, 't'));
    await broker.close();
    const exited = startProgram(import.meta.url, 'fill.mjs', at.file('exited.db'), '12', LARGE, 'exit');
    await exited.ended;
    const read = await crashed(at, 'read.db');
    await startProgram(import.meta.url, 'sql.mjs', read, 'SELECT count(*) FROM task').ended;
    expect((await readdir(at.path)).filter((name) => name.endsWith('-wal'))).toEqual([]);
    for (const [name, count] of [
      ['closed.db', 300],
      ['exited.db', 1_200],
      ['read.db', 300],
    ] as const) {
      await copy(at.file(name), at.file('copy.db'), '');
      expect(await pendingOf(at.file('copy.db')), name).toBe(count);
    }
  });

  test('opens if it is older than marks', async () => {
    const at = await folder();
    const broker = await open(at.file('tasks.db'));
    await broker.submit.enqueue(manyTasks(10, 't'));
    await broker.close();
    const sql = 'PRAGMA application_id = 0; PRAGMA user_version = 0';
    await startProgram(import.meta.url, 'sql.mjs', at.file('tasks.db'), sql).ended;
    expect(await pendingOf(at.file('tasks.db'))).toBe(10);
  });
});

describe('a log', () => {
  test('opens with its file, also as a copy and by a link', async () => {
    const at = await folder();
    const path = await crashed(at, 'tasks.db', { batches: 12, bytes: LARGE });
    await copy(path, at.file('copy.db'), '', '-wal');
    expect(await pendingOf(at.file('copy.db'))).toBe(1_200);
    await symlink(path, at.file('link.db'));
    expect(await pendingOf(at.file('link.db'))).toBe(1_200);
  });

  test('of another file is refused, and set aside where that is allowed', async () => {
    const at = await folder();
    const [mine, other] = [await crashed(at, 'mine.db'), await crashed(at, 'other.db', { batches: 5 })];
    await copyFile(`${other}-wal`, `${mine}-wal`);
    await expect(open(mine)).rejects.toMatchObject(UNSAFE);
    // The refusal changed nothing.
    await expect(open(mine)).rejects.toMatchObject(UNSAFE);
    await pendingOf(mine, true);
    expect((await readdir(at.path)).some((name) => name.startsWith('mine.db-wal.aside-'))).toBe(true);
    const whole = await open(at.file('whole.db'));
    await whole.close();
    await copyFile(`${other}-wal`, at.file('whole.db-wal'));
    await expect(open(at.file('whole.db'))).rejects.toMatchObject(UNSAFE);
  });

  test('of another time is refused, be it newer or older than the file', async () => {
    const at = await folder();
    const path = at.file('tasks.db');
    const owner = startProgram(import.meta.url, 'fill.mjs', path, '60', LARGE);
    for (const [name, tasks] of [
      ['early.db', 500],
      ['late.db', 5_500],
    ] as const) {
      await owner.waitForLine((line) => line === `stored ${tasks}`);
      owner.signal('SIGSTOP');
      await copy(path, at.file(name), '', '-wal');
      owner.signal('SIGCONT');
    }
    await owner.kill();
    await rename(at.file('early.db-wal'), at.file('wal'));
    await rename(at.file('late.db-wal'), at.file('early.db-wal'));
    await rename(at.file('wal'), at.file('late.db-wal'));
    await expect(open(at.file('early.db'))).rejects.toMatchObject(UNSAFE);
    await expect(open(at.file('late.db'))).rejects.toMatchObject(UNSAFE);
  });

  test('that a restored backup finds in its place is refused', async () => {
    const at = await folder();
    const path = at.file('tasks.db');
    const broker = await open(path);
    await broker.submit.enqueue([aTask()]);
    await writeBackup(broker, at.file('backup.db'));
    await broker.close();
    await (await fill(path, {})).kill();
    await copyFile(at.file('backup.db'), path);
    await expect(open(path)).rejects.toMatchObject(UNSAFE);
    await rm(`${path}-wal`);
    expect(await pendingOf(path)).toBe(1);
  });

  test('is not found under another name of the file', async () => {
    const at = await folder();
    const path = await crashed(at, 'tasks.db');
    await link(path, at.file('second-name.db'));
    await expect(open(at.file('second-name.db'))).rejects.toMatchObject(UNSAFE);
    expect(existsSync(`${path}-wal`)).toBe(true);
    expect(await pendingOf(path)).toBe(300);
  });
});

test('a log that could not be copied into its file, as on a full disk, ends as whole all the same', async () => {
  const database = openDatabase((await folder()).file('tasks.db'));
  let isFull = false;
  const exec = (sql: string) => {
    if (isFull && sql.includes('RESTART')) throw new Error('database or disk is full');
    database.exec(sql);
  };
  const { path, pageBytes, prepare, gate } = database;
  const log = new WriteAheadLog({ path, pageBytes, prepare, gate, exec });
  log.start();
  const saysMore = () => Number(prepare('PRAGMA user_version').get()?.[0]) < 0;
  for (const goOn of [() => log.beforeTransaction(), () => log.finish()]) {
    isFull = true;
    expect(() => log.checkpoint()).toThrow('full');
    expect(saysMore()).toBe(true);
    goOn();
    expect(saysMore()).toBe(false);
    isFull = false;
    log.checkpoint();
    expect(saysMore()).toBe(false);
  }
  database.close();
});

describe('what a log is to its file', () => {
  const log = (fields: Partial<LogStart> = {}): LogStart => ({
    tag: 8,
    frameTags: [8, 8, 8],
    firstMark: { tag: 8, more: false },
    ...fields,
  });
  const more = { tag: 7, more: true };
  const whole = { tag: 7, more: false };

  test.each([
    ['the next generation', more, log(), 'belongs'],
    ['the generation that is being copied into the file', more, log({ tag: 7 }), 'belongs'],
    ['a later generation', more, log({ tag: 9 }), 'foreign'],
    ['an earlier generation', more, log({ tag: 6 }), 'foreign'],
    ['missing', more, null, 'missing'],
    ['missing, and not needed', whole, null, 'belongs'],
    ['a new log of this file', whole, log({ tag: 99, firstMark: whole }), 'belongs'],
    ['a new log of another file', whole, log({ tag: 99, firstMark: { tag: 3, more: false } }), 'foreign'],
    ['the log of a program without marks', whole, log({ tag: 99, firstMark: null }), 'belongs'],
    ['the same on a file that needs its own', more, log({ tag: 99, firstMark: null }), 'foreign'],
    ['a header lost with the power', more, log({ tag: null, frameTags: [1, 7, 7] }), 'belongs'],
    ['noise', more, log({ tag: null, frameTags: [1, 2, 3] }), 'missing'],
    ['the first log of a new file', null, log({ firstMark: { tag: 0, more: false } }), 'belongs'],
    ['a log without marks, of a file without', null, log({ firstMark: null }), 'belongs'],
    ['a log with marks, of a file without', null, log(), 'foreign'],
  ] as const)('%s', (...[, mark, start, expected]) => {
    expect(stateOfLog(mark, start)).toBe(expected);
  });
});
