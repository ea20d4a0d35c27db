import { closeSync, existsSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { onTestFinished, describe, expect, test } from 'vitest';
import { readMark, toText, type MarkRecord } from '../../../src/brokers/sqlite/thread/owner/mark-file.ts';
import { livenessOf, thisProcess } from '../../../src/brokers/sqlite/thread/owner/process-identity.ts';
import type { BrokerFinding } from '../../../src/broker/findings.ts';
import type { Broker } from '../../../src/broker/broker.ts';
import { writeBackup } from '../../../src/control/index.ts';
import { Events } from '../../../src/runtime/events.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { aTask, manyTasks } from '../../support/factories.ts';
import { startProgram } from '../../support/program.ts';
import { until } from '../../support/until.ts';
import { folder, open } from './open.ts';

/** A mark of a process on another machine. */
const foreign: MarkRecord = {
  id: 'other',
  host: 'elsewhere',
  boot: 'other-boot',
  namespace: 'pid:[1]',
  pid: 1,
  started: '1',
  beat: 1,
};
const IN_USE = { code: 'database-in-use' };

/** Puts a mark in its place and rewrites it again and again, as a living owner on another machine does. */
function keepAlive(path: string): void {
  let beat = 0;
  const file = openSync(`${path}.new`, 'w');
  const write = () => writeSync(file, toText({ ...foreign, beat: (beat += 1) }), 0);
  write();
  renameSync(`${path}.new`, path);
  const timer = systemClock.every(200, write);
  onTestFinished(() => {
    timer.cancel();
    closeSync(file);
  });
}

const codesOf = (broker: Broker): string[] =>
  broker.findings.current().map(({ code, severity }: BrokerFinding) => `${severity} ${code}`);

describe('the mark of an owner', () => {
  test('is beside the file while it is open', async () => {
    const { file } = await folder();
    const broker = await open(file('tasks.db'));
    expect(readMark(file('tasks.db.owner'))).toMatchObject({ record: { pid: process.pid } });
    await broker.close();
    expect(existsSync(file('tasks.db.owner'))).toBe(false);
  });

  test('of a process that is gone delays nothing', async () => {
    const { file } = await folder();
    const gone = { ...thisProcess(), id: 'gone', beat: 7 };
    for (const record of [
      { ...gone, pid: 2 ** 22 + 1 },
      // The number is in use again, by another process.
      { ...gone, started: '1' },
    ]) {
      await writeFile(file('tasks.db.owner'), toText(record));
      const startedMs = performance.now();
      const broker = await open(file('tasks.db'));
      expect(performance.now() - startedMs).toBeLessThan(4_000);
      await broker.close();
    }
  });

  test('on another machine that shows no sign of life is waited out, whatever it says', async () => {
    const { file } = await folder();
    const marks = {
      foreign: toText(foreign),
      empty: '',
      garbage: 'not a mark',
      huge: 'x'.repeat(5_000_000),
      binary: '\0'.repeat(40),
    };
    await Promise.all(
      Object.entries(marks).map(async ([name, text]) => {
        await writeFile(file(`${name}.db.owner`), text);
        const startedMs = performance.now();
        const broker = await open(file(`${name}.db`));
        expect(performance.now() - startedMs, name).toBeGreaterThan(4_900);
        expect(codesOf(broker), name).toEqual([]);
      }),
    );
  });

  test('on another machine that lives keeps the file, whatever its clock says', async () => {
    const { file } = await folder();
    keepAlive(file('tasks.db.owner'));
    await expect(open(file('tasks.db'))).rejects.toMatchObject({
      ...IN_USE,
      message: expect.stringContaining('process 1 on elsewhere'),
    });
    // The refused one leaves the mark alone.
    expect(readFileSync(file('tasks.db.owner'), 'utf8')).toContain('elsewhere');
    await expect(open(file('tasks.db'), { allow: ['file_owner'] })).resolves.toBeDefined();
  });

  test('cannot be written: the file is used all the same, and that is told', async () => {
    const { file } = await folder();
    await mkdir(file('folder.db.owner'));
    await symlink(file('nowhere'), file('link.db.owner'));
    for (const name of ['folder.db', 'link.db']) {
      const broker = await open(file(name));
      expect(codesOf(broker)).toEqual(['warning file_owner']);
      expect(await broker.submit.enqueue([aTask()])).toMatchObject([{ code: 'created' }]);
      await broker.close();
    }
    expect(existsSync(file('nowhere'))).toBe(false);
  });

  test('that was removed or overwritten is put back', async () => {
    const { file } = await folder();
    const broker = await open(file('tasks.db'));
    const isBack = () => {
      const found = readMark(file('tasks.db.owner'));
      return found.kind === 'file' && found.record?.pid === process.pid;
    };
    await rm(file('tasks.db.owner'));
    await until(isBack);
    await writeFile(file('tasks.db.owner'), 'x');
    await until(isBack);
    expect(codesOf(broker)).toEqual([]);
  });

  test('of another process means that the file is lost: nothing more is written, not even at the end', async () => {
    const { file } = await folder();
    const owner = startProgram(import.meta.url, 'own.mjs', file('tasks.db'), '4000');
    await owner.waitForLine((line) => line === 'stored 3');
    keepAlive(file('tasks.db.owner'));
    await owner.waitForLine((line) => line === 'found file_owner');
    await owner.waitForLine((line) => line === 'refused broker-unsafe');
    expect(await owner.ended).toEqual({ code: null, signal: 'SIGKILL' });
    const last = owner.lines.findLastIndex((line) => line.startsWith('stored'));
    expect(last).toBeLessThan(owner.lines.indexOf('refused broker-unsafe'));
    // Closing would have removed the log, which is another process's now.
    expect(existsSync(file('tasks.db-wal'))).toBe(true);
  });
});

describe('the identity of a file', () => {
  const submit = (broker: Broker, id: string) => broker.submit.enqueue([aTask({ id })]);

  test('is lost while it is moved away, and found again when it is back', async () => {
    const { file } = await folder();
    const broker = await open(file('tasks.db'));
    await rename(file('tasks.db'), file('moved.db'));
    await until(() => codesOf(broker).includes('error file_identity'));
    await expect(submit(broker, 'a')).rejects.toMatchObject({ code: 'broker-unsafe' });
    await expect(broker.ping()).rejects.toMatchObject({ code: 'broker-unavailable' });
    await rename(file('moved.db'), file('tasks.db'));
    await until(() => codesOf(broker).length === 0);
    expect(await submit(broker, 'b')).toMatchObject([{ code: 'created' }]);
  });

  test('is lost while it cannot be looked at, and found again when it can', async () => {
    const { file } = await folder();
    await mkdir(file('data'));
    const broker = await open(file('data/tasks.db'));
    await rename(file('data'), file('away'));
    await writeFile(file('data'), 'no folder');
    await until(() => codesOf(broker).includes('error file_identity'));
    await expect(broker.submit.enqueue([aTask()])).rejects.toMatchObject({ code: 'broker-unsafe' });
    await rm(file('data'));
    await rename(file('away'), file('data'));
    await until(() => codesOf(broker).length === 0);
    expect(await broker.submit.enqueue([aTask()])).toMatchObject([{ code: 'created' }]);
  });

  test('stays ours while the process can open no file', async () => {
    const { file } = await folder();
    const program = startProgram(import.meta.url, 'no-files.mjs', file('tasks.db'));
    expect(await program.nextLine()).toBe('created []');
  });

  test('is lost when a backup is put in its place, also through a link', async () => {
    const { file } = await folder();
    await mkdir(file('real'));
    await symlink(file('real'), file('data'));
    const broker = await open(file('data/tasks.db'));
    await writeBackup(broker, file('backup.db'));
    await rename(file('backup.db'), file('real/tasks.db'));
    await until(() => codesOf(broker).includes('error file_identity'));
    await expect(submit(broker, 'a')).rejects.toMatchObject({ code: 'broker-unsafe' });
  });

  test('of its log is checked, too: what was acknowledged survives its removal', async () => {
    const { file } = await folder();
    const events = new Events();
    const broken = new Promise((resolve) => events.on('broker.broken', resolve));
    const broker = await open(file('tasks.db'), { runtime: { events } });
    await broker.submit.enqueue(manyTasks(200, 't'));
    await rm(file('tasks.db-wal'));
    await broken;
    expect(codesOf(broker)).toContain('error file_log');
    await broker.close();
    const [facts] = await (await open(file('tasks.db'))).inspect.queueFacts(['default']);
    expect(facts?.counts.pending).toBe(200);
  });
});

test.skipIf(process.platform !== 'linux')(
  'a killed process counts as gone before its parent asks for it',
  async () => {
    const program = startProgram(import.meta.url, 'hold.mjs', (await folder()).file('tasks.db'));
    await program.nextLine();
    const stat = readFileSync(`/proc/${program.pid}/stat`, 'latin1');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
    const it = { ...thisProcess(), pid: program.pid, started };
    expect(livenessOf(it, thisProcess())).toBe('runs');
    await program.kill();
    expect(livenessOf(it, thisProcess())).toBe('gone');
  },
);
