import { readFileSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import { openDatabase } from '../../../src/brokers/sqlite/thread/database.ts';
import { migrate } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { migrations } from '../../../src/brokers/sqlite/migrations/migrations.generated.ts';
import { createRequestHandlers } from '../../../src/brokers/sqlite/thread/requests.ts';
import { createStore } from '../../../src/brokers/sqlite/thread/store.ts';
import { fsck, type FsckReport } from '../../../src/control/fsck.ts';
import { aTask, finish } from '../../support/factories.ts';
import { folder, open } from './open.ts';

const HOUR_MS = 3_600_000;
const LARGE = Buffer.alloc(5_000, 'x');

/** Opens a file with tasks of all kinds that was damaged by SQL while it was closed. */
async function openDamaged(...sql: readonly string[]): Promise<Broker> {
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
  for (const statement of sql) raw.exec(statement);
  raw.close();
  return open(path);
}

const check = (broker: Broker): Promise<FsckReport> => fsck(broker, { pause: 0 });

async function takeAll({ consume, maintain }: Broker): Promise<string[]> {
  await maintain.forward([{ queue: 'default', limit: 100 }]);
  const queues = ['default', 'lost-9'];
  const { tasks } = await consume.exchange({ finishes: [], queues, room: 100, leaseMs: 1_000, worker: 'w' });
  return tasks.map(({ id }) => id).sort();
}

/** The tasks that can be taken if none is lost. */
const ALL_TASKS = ['large', 'pending'];

test.each([
  {
    name: 'an unknown state',
    sql: `UPDATE task SET state = 77 WHERE id = 'pending'`,
    kind: 'mismatch',
    ran: ['large'],
  },
  { name: 'a missing payload', sql: 'DELETE FROM body', kind: 'ghost', ran: ['pending'] },
  {
    name: 'a request to cancel a task that waits',
    sql: `UPDATE task SET cancel = '{"atMs":1,"wasRunning":true}' WHERE id = 'pending'`,
    kind: 'mismatch',
    ran: ['large'],
  },
  {
    name: 'a set that does not exist',
    sql: `UPDATE task SET state = 8, in_set = 'none' WHERE id = 'grouped'`,
    kind: 'orphan',
    ran: ALL_TASKS,
  },
  {
    name: 'a missing group',
    sql: `UPDATE task SET in_group = NULL WHERE id = 'grouped'`,
    kind: 'orphan',
    ran: ['grouped', ...ALL_TASKS],
  },
  {
    name: 'a queue that does not exist',
    sql: `UPDATE task SET queue = 9 WHERE id = 'large'`,
    kind: 'orphan',
    ran: ALL_TASKS,
  },
  {
    name: 'a body without a task',
    sql: 'INSERT INTO body (seq, payload) VALUES (999, NULL)',
    kind: 'leak',
    ran: ALL_TASKS,
  },
  {
    name: 'attempts without a task',
    sql: `INSERT INTO attempt (seq, n, record) VALUES (999, 1, ''), (999, 2, '')`,
    kind: 'leak',
    ran: ALL_TASKS,
  },
  {
    name: 'log lines without a task',
    sql: `INSERT INTO log_line (seq, n, line) VALUES (999, 1, ''), (999, 2, '')`,
    kind: 'leak',
    ran: ALL_TASKS,
  },
  {
    name: 'a lock without a task',
    sql: `INSERT INTO unique_lock (key, id, until_ms) VALUES ('x', 'pending', 9000000000000000)`,
    kind: 'leak',
    ran: ALL_TASKS,
  },
  {
    name: 'a business that its queue does not remember',
    sql: `UPDATE task SET business = 'shop' WHERE id = 'large'`,
    kind: 'leak',
    ran: ALL_TASKS,
  },
  { name: 'a negative count', sql: 'UPDATE queue SET processed = -1', kind: 'counter', ran: ALL_TASKS },
  { name: 'a negative total', sql: 'UPDATE queue SET started = -1', kind: 'counter', ran: ALL_TASKS },
])('fsck finds and repairs $name', async ({ sql, kind, ran }) => {
  const broker = await openDamaged(sql);
  expect(await check(broker)).toMatchObject({ findings: [{ kind, done: null }], remaining: 1 });
  const repaired = await fsck(broker, { repair: true, pause: 0 });
  expect(repaired).toMatchObject({ findings: [{ kind, done: expect.any(String) }], remaining: 0, mended: 1 });
  expect(await check(broker)).toMatchObject({ findings: [], remaining: 0 });
  expect(await takeAll(broker)).toEqual(ran);
});

test('fsck finds nothing in an undamaged file, also when it has an expired lock', async () => {
  const broker = await openDamaged(`INSERT INTO unique_lock (key, id, until_ms) VALUES ('x', 'missing', 1)`);
  expect(await check(broker)).toMatchObject({ findings: [] });
});

test('dropping a task releases its lock and removes its attempts', async () => {
  const broker = await openDamaged(
    `UPDATE task SET payload = NULL WHERE id = 'pending'`,
    `INSERT INTO attempt (seq, n, record) SELECT seq, 1, '' FROM task WHERE id = 'pending'`,
  );
  expect(await fsck(broker, { repair: true, pause: 0 })).toMatchObject({ mended: 1, remaining: 0 });
  expect(await broker.submit.enqueue([aTask({ id: 'pending', uniqueMs: HOUR_MS })])).toMatchObject([
    { code: 'created' },
  ]);
});

test('totals are those from before a repair, with what it has changed', async () => {
  const broker = await openDamaged(
    `UPDATE task SET cancel = '{}' WHERE id = 'later'`,
    `INSERT INTO log_line (seq, n, line) VALUES (999, 1, '')`,
  );
  // They may share a transaction.
  await Promise.all([
    broker.submit.enqueue([aTask({ id: 'meanwhile' })]),
    fsck(broker, { repair: true, pause: 0 }),
    broker.submit.enqueue([aTask({ id: 'afterwards' })]),
  ]);
  const [facts] = await broker.inspect.queueFacts(['default']);
  expect(facts?.totals).toMatchObject({ enqueued: 7, started: 1, failed: 1, archived: 1, cancelled: 1 });
});

test('fsck reports an index that does not match its table as damage, and does not repair it', async () => {
  const path = (await folder()).file('tasks.db');
  const before = await open(path);
  await before.submit.enqueue([aTask({ id: 'in-the-table-and-its-index' })]);
  await before.close();
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('in-the-table-and-its-index')] = 0x49;
  writeFileSync(path, bytes);
  const report = await fsck(await open(path), { repair: true, pause: 0 });
  expect(report.findings[0]).toMatchObject({ queue: null, kind: 'damage', done: null });
  expect(report.findings[0]?.found).toMatch(/task_id/);
  expect(report.remaining).toBeGreaterThan(0);
});

test('counts in memory that differ from the table are counted again', async () => {
  const database = openDatabase((await folder()).file('tasks.db'));
  migrate(database, migrations);
  const store = createStore(database);
  const handlers = createRequestHandlers(store);
  const entry = store.queues.ensure('q', true);
  store.queues.recordMove(entry, { from: null, to: 1, count: 3 });
  const candidates = [{ what: 'counts', name: 'q' }];
  const now = { wallMs: 0, monotonicMs: 0 };
  const examine = (repair: boolean) =>
    handlers.checkExamine({ data: { queue: 'q', candidates, repair }, bytes: [] }, now).data;
  expect(examine(false)).toMatchObject([{ kind: 'counter', found: '3 pending tasks counted, but 0 stored' }]);
  expect(examine(true)).toMatchObject([{ done: 'counted again' }]);
  expect(examine(false)).toEqual([null]);
  database.close();
});
