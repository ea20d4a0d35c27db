import { statSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase, type Database } from '../../../src/brokers/sqlite/thread/database.ts';
import { GroupCommit, type Answer, type Job } from '../../../src/brokers/sqlite/thread/group-commit.ts';
import { migrate } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { migrations } from '../../../src/brokers/sqlite/migrations/migrations.generated.ts';
import {
  createRequestHandlers,
  type RequestName,
  type RequestHandlers,
} from '../../../src/brokers/sqlite/thread/requests.ts';
import { plain, type Packet } from '../../../src/brokers/sqlite/packing.ts';
import { createDiskReserve, noDiskReserve } from '../../../src/brokers/sqlite/thread/disk-reserve.ts';
import { createStore, type Store } from '../../../src/brokers/sqlite/thread/store.ts';
import { folder } from './open.ts';

interface Parts {
  readonly database: Database;
  readonly store: Store;
  readonly operations: RequestHandlers;
  readonly group: GroupCommit;
}

/** What the writer thread has, without a thread. */
async function parts(
  change: (operations: RequestHandlers) => Partial<RequestHandlers> = () => ({}),
  reserve = noDiskReserve,
): Promise<Parts> {
  const database = openDatabase((await folder()).file('tasks.db'));
  onTestFinished(() => database.close());
  migrate(database, migrations);
  const store = createStore(database);
  const all = createRequestHandlers(store);
  const operations = { ...all, ...change(all) };
  return { database, store, operations, group: new GroupCommit(store, operations, reserve) };
}

const NOW = { wallMs: 1_767_225_600_000, monotonicMs: 0 };
const job = (name: RequestName, call: Packet<unknown>): Job => ({ name, call, now: NOW });

function enqueue(prefix: string, count: number, bytes = 10): Job {
  const one = (i: number) => [0, `${prefix}${i}`, 'type', 3, 0, 0, 0, 0, 0, null, null, null, null, null];
  const rows = Array.from({ length: count }, (_, i) => one(i));
  const payloads = rows.map(() => new Uint8Array(bytes).fill(7));
  return job('enqueue', { data: { queues: ['default'], rows }, bytes: payloads });
}

const codes = (answers: readonly Answer[]): string[] =>
  answers.map((answer) => ('error' in answer ? answer.error.code : 'ok'));

const pending = ({ store }: Parts): number => store.queues.find('default')?.counts[1] ?? 0;

const rowsOf = ({ database }: Parts): unknown => database.prepare('SELECT count(*) FROM task').get()?.[0];

class DriverError extends Error {
  readonly errcode: number;

  constructor(message: string, errcode: number) {
    super(message);
    this.errcode = errcode;
  }
}

describe('a group of calls', () => {
  test('is answered in order', async () => {
    const all = await parts();
    const answers = all.group.run([enqueue('a', 3), job('queues', plain(null)), enqueue('a', 1)]);
    expect(answers).toMatchObject([
      { reply: { data: { dues: [1, 1, 1] } } },
      { reply: { data: ['default'] } },
      { reply: { data: { dues: [0] } } },
    ]);
    expect([pending(all), rowsOf(all)]).toEqual([3, 3]);
  });

  test('one that fails takes no other down, and leaves nothing of itself behind', async () => {
    const all = await parts(({ enqueue: real }) => ({
      enqueue(call, moment) {
        const reply = real(call, moment);
        if (call.data.rows[0]?.[1] === 'bad0') throw new Error('out of luck');
        return reply;
      },
    }));
    const answers = all.group.run([enqueue('a', 2), enqueue('bad', 2), enqueue('b', 2)]);
    expect(codes(answers)).toEqual(['ok', 'broker-refused', 'ok']);
    expect([pending(all), rowsOf(all)]).toEqual([4, 4]);
    expect(all.group.broken).toBeNull();
  });

  test('a call that nobody knows is refused', async () => {
    const { group } = await parts();
    expect(codes(group.run([job('nonsense' as RequestName, plain(null))]))).toEqual(['broker-refused']);
  });

  test('takes on no more after its time, and the rest is left for the next', async () => {
    const all = await parts();
    const jobs = Array.from({ length: 400 }, (_, n) => enqueue(`g${n}-`, 100));
    let waiting: readonly Job[] = jobs;
    let groups = 0;
    while (waiting.length > 0) {
      const answers = all.group.run(waiting);
      expect(codes(answers)).toEqual(answers.map(() => 'ok'));
      waiting = waiting.slice(answers.length);
      groups += 1;
    }
    expect(groups).toBeGreaterThan(1);
    expect(rowsOf(all)).toBe(40_000);
  });
});

describe('a full disk', () => {
  test('refuses what needs room, still does what frees it, and goes on when there is room', async () => {
    const all = await parts();
    all.group.run([enqueue('a', 20, 4_000)]);
    const [pages] = all.database.prepare('PRAGMA page_count').get() ?? [];
    all.database.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`);
    const removal = job('act', plain({ queue: 'default', id: 'a0', verb: 'remove' }));
    const answers = all.group.run([enqueue('b', 50, 4_000), removal, job('queues', plain(null))]);
    expect(codes(answers)).toEqual(['broker-full', 'ok', 'ok']);
    expect([pending(all), rowsOf(all)]).toEqual([19, 19]);
    all.database.exec('PRAGMA max_page_count = 1000000');
    expect(codes(all.group.run([enqueue('b', 50, 4_000)]))).toEqual(['ok']);
  });
});

describe('a reserve', () => {
  test('is given to outcomes once the disk is full, and new tasks are refused until it is back', async () => {
    let spent = false;
    const reserve = { isSpent: () => spent, spend: () => void (spent = true), remove() {} };
    const all = await parts(() => ({}), reserve);
    all.group.run([enqueue('a', 20, 4_000)]);
    const [pages] = all.database.prepare('PRAGMA page_count').get() ?? [];
    all.database.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`);
    expect(codes(all.group.run([enqueue('b', 50, 4_000)]))).toEqual(['broker-full']);
    expect(spent).toBe(true);
    all.database.exec('PRAGMA max_page_count = 1000000');
    const removal = job('act', plain({ queue: 'default', id: 'a0', verb: 'remove' }));
    expect(codes(all.group.run([enqueue('c', 1), removal]))).toEqual(['broker-full', 'ok']);
    expect(pending(all)).toBe(19);
    spent = false;
    expect(codes(all.group.run([enqueue('c', 1)]))).toEqual(['ok']);
  });

  test('lies beside the file while that is open, and is taken back when there is room again', async () => {
    const { file } = await folder();
    const reserve = createDiskReserve(file('tasks.db'));
    const size = () => statSync(file('tasks.db-reserve'), { throwIfNoEntry: false })?.size ?? 0;
    expect(size()).toBe(4_194_304);
    expect(reserve.isSpent()).toBe(false);
    reserve.spend();
    expect(reserve.isSpent()).toBe(true);
    expect(size()).toBe(0);
    await vi.waitFor(() => expect(reserve.isSpent()).toBe(false), 10_000);
    expect(size()).toBe(4_194_304);
    reserve.remove();
    expect(size()).toBe(0);
  });
});

describe('an I/O error', () => {
  test('stops every acknowledgement from then on', async () => {
    let failing = true;
    const all = await parts(({ ping }) => ({
      ping() {
        if (failing) throw new DriverError('disk I/O error', 10 | (4 << 8));
        return ping();
      },
    }));
    const answers = all.group.run([enqueue('a', 1), job('ping', plain(null))]);
    expect(answers).toMatchObject([
      { error: { code: 'broker-unavailable', details: { outcome: 'unknown', cause: 'disk I/O error' } } },
      { error: { code: 'broker-unavailable' } },
    ]);
    failing = false;
    expect(all.group.broken).toBe('disk I/O error');
    expect(all.group.run([job('ping', plain(null))])).toMatchObject([
      { error: { code: 'broker-unavailable', details: { outcome: 'not_stored' } } },
    ]);
  });
});
