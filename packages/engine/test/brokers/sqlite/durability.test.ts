import { expect, describe, test } from 'vitest';
import type { Broker } from '../../../src/broker/broker.ts';
import type { LeasedTask } from '../../../src/broker/consume.ts';
import { aTask, finish, manyTasks } from '../../support/factories.ts';
import { folder, open } from './open.ts';
import { startProgram } from '../../support/program.ts';

const BATCH = 20;

async function take(broker: Broker, room = 100): Promise<readonly LeasedTask[]> {
  const exchange = { finishes: [], queues: ['default'], room, leaseMs: 60_000, worker: 'w' };
  return (await broker.consume.exchange(exchange)).tasks;
}

/** What the killed program `load.mjs` has printed: the acknowledgements that it got. */
function acknowledged(lines: readonly string[]) {
  const ids = (word: string) =>
    lines.filter((line) => line.startsWith(`${word} `)).flatMap((line) => line.split(' ').slice(1));
  const stored = ids('stored').flatMap((batch) => Array.from({ length: BATCH }, (_, i) => `b${batch}-${i}`));
  return { stored, taken: ids('taken'), done: new Set(ids('done')) };
}

test('a file offers the durability "fsync", which all its tasks have, but not "replicated"', async () => {
  const broker = await open((await folder()).file('tasks.db'));
  expect(await broker.submit.enqueue([aTask()], { durability: 'fsync' })).toMatchObject([
    { code: 'created' },
  ]);
  const call = broker.submit.enqueue([aTask()], { durability: 'replicated' });
  await expect(call).rejects.toMatchObject({ code: 'durability-unsupported' });
  expect(
    (await broker.inspect.list({ queue: 'default', state: 'pending', limit: 9, cursor: null })).total,
  ).toBe(1);
});

describe('acknowledged work', () => {
  test.each([5, 23, 61])('survives SIGKILL in the middle of work (after %i lines)', async (count) => {
    const path = (await folder()).file('tasks.db');
    const program = startProgram(import.meta.url, 'load.mjs', path, String(BATCH));
    await program.waitForLine(() => true, count);
    await program.kill();
    const { stored, taken, done } = acknowledged(program.lines);
    expect(stored.length).toBeGreaterThan(0);

    const broker = await open(path);
    const records = new Map(
      await Promise.all(
        stored.map(async (id) => [id, await broker.inspect.task({ queue: 'default', id })] as const),
      ),
    );
    // A finish in flight at the kill may have been stored without its acknowledgement: up to 20 more tasks are gone.
    const missing = stored.filter((id) => !records.get(id) && !done.has(id));
    expect(missing.filter((id) => !taken.includes(id))).toEqual([]);
    expect(missing.length).toBeLessThanOrEqual(20);
    expect([...done].filter((id) => records.get(id))).toEqual([]);
    const held = taken.flatMap((id) => records.get(id) ?? []);
    expect(held.map(({ state, crashes }) => `${state} ${crashes}`)).toEqual(held.map(() => 'pending 1'));
    const [facts] = await broker.inspect.queueFacts(['default']);
    expect(facts?.counts.active).toBe(0);
  });

  test('survives closing whole: fields, bytes, attempts, pauses, counters and documents', async () => {
    const path = (await folder()).file('tasks.db');
    const first = await open(path);
    const payload = Buffer.from(Array.from({ length: 2_000 }, (_, i) => i % 256));
    await first.submit.enqueue([
      aTask({ id: 'a', payload, retentionMs: 60_000, headers: { a: 'ü' }, meta: { business: 'shop' } }),
      aTask({ id: 'later', runAtMs: 4_102_444_800_123 }),
    ]);
    const [a] = await take(first);
    const exchange = { queues: [], room: 0, leaseMs: 1_000, worker: 'w' };
    await first.consume.exchange({ ...exchange, finishes: [finish.succeeded(a!, Buffer.from('result'))] });
    await first.control.pause('default', 'tonight');
    await first.documents.put('key', 'k1', { role: 'admin' });
    const before = await snapshot(first);
    await first.close();
    expect(await snapshot(await open(path))).toEqual(before);
  });
});

async function snapshot(broker: Broker) {
  return {
    queues: await broker.inspect.queues(),
    facts: await broker.inspect.queueFacts(['default']),
    a: await broker.inspect.task({ queue: 'default', id: 'a' }),
    later: await broker.inspect.task({ queue: 'default', id: 'later' }),
    documents: await broker.documents.list('key'),
  };
}

describe('a task that was active when the file was closed', () => {
  test('is pending again at once, before all others, with a lost attempt', async () => {
    const path = (await folder()).file('tasks.db');
    const first = await open(path);
    await first.submit.enqueue(manyTasks(4, 't'));
    await take(first, 2);
    await first.close();
    const second = await open(path);
    const taken = await take(second);
    expect(taken.map(({ id, crashes, attempt }) => [id, crashes, attempt])).toEqual([
      ['t0', 1, 2],
      ['t1', 1, 2],
      ['t2', 0, 1],
      ['t3', 0, 1],
    ]);
    const record = await second.inspect.task({ queue: 'default', id: 't0' });
    expect(record?.attempts).toMatchObject([{ number: 1, outcome: 'lost', worker: 'w' }]);
  });

  test('is archived as poison the tenth time', async () => {
    const path = (await folder()).file('tasks.db');
    const first = await open(path);
    await first.submit.enqueue([aTask({ id: 'a' })]);
    await take(first);
    await first.close();
    for (let loss = 2; loss <= 10; loss += 1) {
      const next = await open(path);
      expect(await take(next)).toHaveLength(1);
      await next.close();
    }
    const last = await open(path);
    const record = await last.inspect.task({ queue: 'default', id: 'a' });
    expect(record).toMatchObject({ state: 'archived', crashes: 10 });
    expect(record?.lastError?.message).toBe('poison: lost its worker 10 times');
  });

  test('cannot be finished with its old lease', async () => {
    const path = (await folder()).file('tasks.db');
    const first = await open(path);
    await first.submit.enqueue([aTask({ id: 'a' })]);
    const [stale] = await take(first);
    await first.close();
    const second = await open(path);
    const exchange = {
      finishes: [finish.succeeded(stale!)],
      queues: [],
      room: 0,
      leaseMs: 1_000,
      worker: 'w',
    };
    expect((await second.consume.exchange(exchange)).finished).toEqual(['lease-lost']);
    expect(await second.inspect.task({ queue: 'default', id: 'a' })).toMatchObject({ state: 'pending' });
  });
});
