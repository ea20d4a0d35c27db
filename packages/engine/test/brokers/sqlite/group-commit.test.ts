import { readFileSync, statSync } from 'node:fs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { openDatabase, type Database } from '../../../src/brokers/sqlite/thread/database.ts';
import {
  GroupCommit,
  type Answer,
  type WriterRequest,
} from '../../../src/brokers/sqlite/thread/group-commit.ts';
import { migrate } from '../../../src/brokers/sqlite/thread/migrate.ts';
import { migrations } from '../../../src/brokers/sqlite/migrations/migrations.generated.ts';
import {
  createRequestHandlers,
  type RequestName,
  type RequestHandlers,
} from '../../../src/brokers/sqlite/thread/requests.ts';
import { plain, type Packet } from '../../../src/brokers/sqlite/packing.ts';
import { ACTION, FINISH, NEW_TASK } from '../../../src/brokers/sqlite/rows.ts';
import { CANCELLED } from '../../../src/brokers/sqlite/states.ts';
import type { ExchangeAnswer } from '../../../src/brokers/sqlite/thread/facets/consume.ts';
import { createDiskReserve, noDiskReserve } from '../../../src/brokers/sqlite/thread/disk-reserve.ts';
import { createStore, type Store } from '../../../src/brokers/sqlite/thread/store.ts';
import { folder } from './open.ts';

interface Setup {
  readonly database: Database;
  readonly store: Store;
  readonly group: GroupCommit;
}

/** What the writer thread consists of, without the thread. `override` replaces request handlers. */
async function setUp(
  override: (handlers: RequestHandlers) => Partial<RequestHandlers> = () => ({}),
  reserve = noDiskReserve,
): Promise<Setup> {
  const database = openDatabase((await folder()).file('tasks.db'));
  onTestFinished(() => database.close());
  migrate(database, migrations);
  const store = createStore(database);
  const handlers = createRequestHandlers(store);
  const group = new GroupCommit(store, { ...handlers, ...override(handlers) }, { reserve });
  return { database, store, group };
}

const NOW = { wallMs: 1_767_225_600_000, monotonicMs: 0 };
const request = (name: RequestName, call: Packet<unknown>): WriterRequest => ({ name, call, now: NOW });

function enqueue(prefix: string, count: number, bytes = 10): WriterRequest {
  const task = { queue: 0, type: 'type', maxRetries: 3, timeoutMs: 0, deadlineMs: 0, retentionMs: 0 };
  const start = { delayMs: 0, runAtMs: 0, uniqueKey: null, uniqueMs: 0, inGroup: null };
  const texts = { business: null, meta: null, headers: null };
  const rows = Array.from({ length: count }, (_, index) =>
    NEW_TASK.toRow({ ...task, ...start, ...texts, id: `${prefix}${index}` }),
  );
  const payloads = rows.map(() => new Uint8Array(bytes).fill(7));
  return request('enqueue', { data: { queues: ['default'], rows }, bytes: payloads });
}

const codesOf = (answers: readonly Answer[]): string[] =>
  answers.map((answer) => ('error' in answer ? answer.error.code : 'ok'));

const pending = ({ store }: Setup): number => store.queues.find('default')?.counts[1] ?? 0;

const storedTasks = ({ database }: Setup): unknown =>
  database.prepare('SELECT count(*) FROM task').get()?.[0];

class DriverError extends Error {
  readonly errcode: number;

  constructor(message: string, errcode: number) {
    super(message);
    this.errcode = errcode;
  }
}

describe('a group of calls', () => {
  test('is answered in the order of the calls', async () => {
    const setup = await setUp();
    const answers = setup.group.run([enqueue('a', 3), request('queues', plain(null)), enqueue('a', 1)]);
    expect(answers).toMatchObject([
      { reply: { data: { results: [1, 1, 1] } } },
      { reply: { data: ['default'] } },
      { reply: { data: { results: [0] } } },
    ]);
    expect([pending(setup), storedTasks(setup)]).toEqual([3, 3]);
  });

  test('stores the other calls when one fails, and nothing of the failed one', async () => {
    const setup = await setUp(({ enqueue: real }) => ({
      enqueue(call, now) {
        const reply = real(call, now);
        if (NEW_TASK.fromRow(call.data.rows[0]!).id === 'bad0') throw new Error('out of luck');
        return reply;
      },
    }));
    const answers = setup.group.run([enqueue('a', 2), enqueue('bad', 2), enqueue('b', 2)]);
    expect(codesOf(answers)).toEqual(['ok', 'broker-refused', 'ok']);
    expect([pending(setup), storedTasks(setup)]).toEqual([4, 4]);
    expect(setup.group.brokenCause).toBeNull();
  });

  test('still cancels a task for which that was asked, when the group of its end is undone', async () => {
    const setup = await setUp();
    const call = { finishedQueues: ['default'], finishes: [], queues: ['default'], shares: [], leave: [] };
    const worker = { room: 1, leaseMs: 6_000, worker: 'w' };
    const exchange = (more: object) => request('exchange', plain({ ...call, ...worker, ...more }));
    const [, taken] = setup.group.run([enqueue('a', 1), exchange({})]);
    const { token } = (taken as { reply: { data: ExchangeAnswer } }).reply.data;
    setup.group.run([request('cancel', plain({ queue: 'default', id: 'a0', cancellation: {} }))]);
    const base = { action: ACTION.retry, queue: 0, seq: 1, token, related: 0, attempt: 1, record: null };
    const end = {
      ...base,
      stack: '',
      error: 'failed',
      waitingFor: null,
      delayMs: 1_000,
      failures: 1,
    } as const;
    const answers = setup.group.run([
      exchange({ finishes: [FINISH.toRow(end)], room: 0 }),
      request('nonsense' as RequestName, plain(null)),
    ]);
    expect(answers).toMatchObject([{ reply: { data: { finished: [2] } } }, { error: {} }]);
    expect(setup.store.queues.find('default')?.counts[CANCELLED]).toBe(1);
  });

  test('refuses a call without a handler', async () => {
    const { group } = await setUp();
    expect(codesOf(group.run([request('nonsense' as RequestName, plain(null))]))).toEqual(['broker-refused']);
  });

  test('takes no more calls after its time, and leaves the others for the next group', async () => {
    const setup = await setUp();
    const requests = Array.from({ length: 400 }, (_, index) => enqueue(`g${index}-`, 100));
    let waiting: readonly WriterRequest[] = requests;
    let groups = 0;
    while (waiting.length > 0) {
      const answers = setup.group.run(waiting);
      expect(codesOf(answers)).toEqual(answers.map(() => 'ok'));
      waiting = waiting.slice(answers.length);
      groups += 1;
    }
    expect(groups).toBeGreaterThan(1);
    expect(storedTasks(setup)).toBe(40_000);
  });
});

describe('a full disk', () => {
  test('refuses calls that need space, allows those that free it, and recovers when there is space', async () => {
    const setup = await setUp();
    setup.group.run([enqueue('a', 20, 4_000)]);
    const [pages] = setup.database.prepare('PRAGMA page_count').get() ?? [];
    setup.database.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`);
    const removal = request('change', plain({ queue: 'default', id: 'a0', action: 'remove' }));
    const answers = setup.group.run([enqueue('b', 50, 4_000), removal, request('queues', plain(null))]);
    expect(codesOf(answers)).toEqual(['broker-full', 'ok', 'ok']);
    expect([pending(setup), storedTasks(setup)]).toEqual([19, 19]);
    setup.database.exec('PRAGMA max_page_count = 1000000');
    expect(codesOf(setup.group.run([enqueue('b', 50, 4_000)]))).toEqual(['ok']);
  });
});

describe('a disk reserve', () => {
  test('is spent on outcomes once the disk is full, and new tasks are refused until it is back', async () => {
    let spent = false;
    const reserve = { isSpent: () => spent, spend: () => void (spent = true), remove() {} };
    const setup = await setUp(() => ({}), reserve);
    setup.group.run([enqueue('a', 20, 4_000)]);
    const [pages] = setup.database.prepare('PRAGMA page_count').get() ?? [];
    setup.database.exec(`PRAGMA max_page_count = ${Number(pages) + 2}`);
    expect(codesOf(setup.group.run([enqueue('b', 50, 4_000)]))).toEqual(['broker-full']);
    expect(spent).toBe(true);
    setup.database.exec('PRAGMA max_page_count = 1000000');
    const removal = request('change', plain({ queue: 'default', id: 'a0', action: 'remove' }));
    expect(codesOf(setup.group.run([enqueue('c', 1), removal]))).toEqual(['broker-full', 'ok']);
    const fires = request('scheduleFire', plain({ queue: 'default', writes: [] }));
    const puts = request('schedulePut', plain([]));
    expect(codesOf(setup.group.run([fires, puts]))).toEqual(['broker-full', 'broker-full']);
    expect(pending(setup)).toBe(19);
    const asked = request('checkWritable', plain(null));
    expect(codesOf(setup.group.run([asked]))).toEqual(['broker-full']);
    spent = false;
    expect(codesOf(setup.group.run([asked, enqueue('c', 1)]))).toEqual(['ok', 'ok']);
  });

  test('is spent by the question whether tasks are taken, which writes to the disk and changes nothing', async () => {
    const setup = await setUp();
    const before = setup.database.prepare('SELECT * FROM meta ORDER BY name').all();
    const log = () => readFileSync(`${setup.database.path}-wal`).toString('latin1');
    const bytes = log();
    expect(codesOf(setup.group.run([request('checkWritable', plain(null))]))).toEqual(['ok']);
    expect(log() === bytes).toBe(false);
    expect(setup.database.prepare('SELECT * FROM meta ORDER BY name').all()).toEqual(before);
  });

  test('is a file beside the database while that is open, and is made again when the disk has space', async () => {
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
  test('ends all acknowledgements', async () => {
    let failing = true;
    const setup = await setUp(({ ping }) => ({
      ping() {
        if (failing) throw new DriverError('disk I/O error', 10 | (4 << 8));
        return ping();
      },
    }));
    const answers = setup.group.run([enqueue('a', 1), request('ping', plain(null))]);
    expect(answers).toMatchObject([
      { error: { code: 'broker-unavailable', details: { outcome: 'unknown', cause: 'disk I/O error' } } },
      { error: { code: 'broker-unavailable' } },
    ]);
    failing = false;
    expect(setup.group.brokenCause).toBe('disk I/O error');
    expect(setup.group.run([request('ping', plain(null))])).toMatchObject([
      { error: { code: 'broker-unavailable', details: { outcome: 'not_stored' } } },
    ]);
  });
});
