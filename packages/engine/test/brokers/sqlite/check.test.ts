import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { openDatabase } from '../../../src/brokers/sqlite/thread/database.ts';
import { migrate } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { migrations } from '../../../src/brokers/sqlite/migrations/migrations.generated.ts';
import { createRequestHandlers } from '../../../src/brokers/sqlite/thread/requests.ts';
import { createStore } from '../../../src/brokers/sqlite/thread/store.ts';
import { fsck, type FsckReport } from '../../../src/inspector/fsck.ts';
import { aTask, finish } from '../../support/factories.ts';
import { folder, open } from './open.ts';

const HOUR_MS = 3_600_000;
const LARGE = Buffer.alloc(5_000, 'x');

/** A file with tasks of all kinds, then damaged by SQL, then opened again. */
async function damaged(...sql: readonly string[]): Promise<Broker> {
  const path = (await folder()).file('tasks.db');
  const broker = await open(path);
  await broker.submit.enqueue([
    aTask({ id: 'failed' }),
    aTask({ id: 'pending', uniqueMs: HOUR_MS }),
    aTask({ id: 'large', payload: LARGE }),
    aTask({ id: 'later', delayMs: HOUR_MS }),
    aTask({ id: 'grouped', group: 'g' }),
  ]);
  const exchange = { queues: ['default'], room: 1, leaseMs: HOUR_MS, worker: 'w' };
  const { tasks } = await broker.consume.exchange({ ...exchange, finishes: [] });
  await broker.consume.exchange({
    ...exchange,
    room: 0,
    finishes: tasks.map((task) => finish.archive(task)),
  });
  await broker.close();
  const raw = new DatabaseSync(path);
  for (const one of sql) raw.exec(one);
  raw.close();
  return open(path);
}

const look = (broker: Broker): Promise<FsckReport> => fsck(broker, { pauseMs: 0 });

async function runnable({ consume, maintain }: Broker): Promise<string[]> {
  await maintain.forward([{ queue: 'default', limit: 100 }]);
  const queues = ['default', 'lost-9'];
  const { tasks } = await consume.exchange({ finishes: [], queues, room: 100, leaseMs: 1_000, worker: 'w' });
  return tasks.map(({ id }) => id).sort();
}

/** What runs where nothing is lost. */
const RUNNABLE = ['large', 'pending'];

test.each([
  {
    name: 'a state that is none',
    sql: `UPDATE task SET state = 77 WHERE id = 'pending'`,
    kind: 'mismatch',
    ran: ['large'],
  },
  { name: 'a payload that is gone', sql: 'DELETE FROM body', kind: 'ghost', ran: ['pending'] },
  {
    name: 'a set that is not there',
    sql: `UPDATE task SET state = 8, in_set = 'none' WHERE id = 'grouped'`,
    kind: 'orphan',
    ran: RUNNABLE,
  },
  {
    name: 'a group that is none',
    sql: `UPDATE task SET in_group = NULL WHERE id = 'grouped'`,
    kind: 'orphan',
    ran: ['grouped', ...RUNNABLE],
  },
  {
    name: 'a queue that is not there',
    sql: `UPDATE task SET queue = 9 WHERE id = 'large'`,
    kind: 'orphan',
    ran: RUNNABLE,
  },
  {
    name: 'a body without a task',
    sql: 'INSERT INTO body (seq, payload) VALUES (999, NULL)',
    kind: 'leak',
    ran: RUNNABLE,
  },
  {
    name: 'attempts without a task',
    sql: `INSERT INTO attempt (seq, n, record) VALUES (999, 1, ''), (999, 2, '')`,
    kind: 'leak',
    ran: RUNNABLE,
  },
  {
    name: 'a lock without a task',
    sql: `INSERT INTO unique_lock (key, id, until_ms) VALUES ('x', 'pending', 9000000000000000)`,
    kind: 'leak',
    ran: RUNNABLE,
  },
  { name: 'a count that is none', sql: 'UPDATE queue SET processed = -1', kind: 'counter', ran: RUNNABLE },
])('finds and mends $name', async ({ sql, kind, ran }) => {
  const broker = await damaged(sql);
  expect(await look(broker)).toMatchObject({ findings: [{ kind, done: null }], remaining: 1 });
  const mended = await fsck(broker, { repair: true, pauseMs: 0 });
  expect(mended).toMatchObject({ findings: [{ kind, done: expect.any(String) }], remaining: 0, mended: 1 });
  expect(await look(broker)).toMatchObject({ findings: [], remaining: 0 });
  expect(await runnable(broker)).toEqual(ran);
});

test('an unharmed file is sound, and a lock whose time is over is no leak', async () => {
  const broker = await damaged(`INSERT INTO unique_lock (key, id, until_ms) VALUES ('x', 'nobody', 1)`);
  expect(await look(broker)).toMatchObject({ findings: [] });
});

test('a dropped task takes its lock and its attempts along', async () => {
  const broker = await damaged(
    `UPDATE task SET payload = NULL WHERE id = 'pending'`,
    `INSERT INTO attempt (seq, n, record) SELECT seq, 1, '' FROM task WHERE id = 'pending'`,
  );
  expect(await fsck(broker, { repair: true, pauseMs: 0 })).toMatchObject({ mended: 1, remaining: 0 });
  expect(await broker.submit.enqueue([aTask({ id: 'pending', uniqueMs: HOUR_MS })])).toMatchObject([
    { code: 'created' },
  ]);
});

test('an index that does not fit its table is damage, which is told and not mended', async () => {
  const path = (await folder()).file('tasks.db');
  const before = await open(path);
  await before.submit.enqueue([aTask({ id: 'in-the-table-and-its-index' })]);
  await before.close();
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('in-the-table-and-its-index')] = 0x49;
  writeFileSync(path, bytes);
  const report = await fsck(await open(path), { repair: true, pauseMs: 0 });
  expect(report.findings[0]).toMatchObject({ queue: null, kind: 'damage', done: null });
  expect(report.findings[0]?.found).toMatch(/task_id/);
  expect(report.remaining).toBeGreaterThan(0);
});

test('counts in memory that differ from the table are counted anew', async () => {
  const database = openDatabase((await folder()).file('tasks.db'));
  migrate(database, migrations);
  const store = createStore(database);
  const operations = createRequestHandlers(store);
  const entry = store.queues.ensure('q', true);
  store.queues.recordMove(entry, { from: null, to: 1, count: 3 });
  const suspects = [{ what: 'counts', name: 'q' }];
  const ask = (mend: boolean) =>
    operations.checkLook({ data: { queue: 'q', suspects, mend }, bytes: [] }, { wallMs: 0, monotonicMs: 0 })
      .data;
  expect(ask(false)).toMatchObject([{ kind: 'counter', found: 'counts 3 tasks pending, yet has 0' }]);
  expect(ask(true)).toMatchObject([{ done: 'counted anew' }]);
  expect(ask(false)).toEqual([null]);
  database.close();
});
