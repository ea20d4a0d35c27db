import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { Client } from '../../src/client/client.ts';
import { Events, type EngineEvents } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { nextEvents } from '../support/next-event.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';

const Q = 'asynq:{q}:';
const NO_MESSAGE = Buffer.from([0x0a, 0xff, 0xff]);
const SCORES = ['-inf', '-1e300', '-3.5', '0.5', '1e300', 'inf'];
const INDEXES = ['pending', 'scheduled', 'retry', 'lease'];
const FINISHED = ['archived', 'completed'];

describe.skipIf(!hasRedis())('a worker beside foreign data', () => {
  let server: RedisServer;
  let raw: RawRedis;
  let broker: Broker;
  let worker: Worker;
  let events: Events;

  beforeEach(async () => {
    server = await startRedis();
    raw = await rawRedis(server.port);
    broker = await connectRedis({ url: server.url });
    events = new Events();
    worker = new Worker(broker, { queues: ['q'], runtime: { events } }).handle('x', () => {});
  });
  afterEach(async () => {
    await worker.stop();
    await broker.close();
    raw.close();
    await server.stop();
  });

  /** Adds an ID to an index, with this score if the index has scores. */
  async function addToIndex(index: string, id: string, score: string): Promise<void> {
    if (index === 'pending') await raw.call('LPUSH', `${Q}pending`, id);
    else await raw.call('ZADD', `${Q}${index}`, score, id);
    if (index === 'lease') await raw.call('LPUSH', `${Q}active`, id);
  }

  /**
   * Adds to each index, under each score, three IDs: one without a task, one whose key has another type, and one whose
   * message cannot be read.
   */
  async function storeForeignIds(): Promise<void> {
    for (const index of [...INDEXES, ...FINISHED]) {
      for (const score of SCORES) {
        const state = index === 'lease' ? 'active' : index;
        await addToIndex(index, `none:${index}:${score}`, score);
        await addToIndex(index, `type:${index}:${score}`, score);
        await raw.call('SET', `${Q}t:type:${index}:${score}`, 'x');
        await addToIndex(index, `bytes:${index}:${score}`, score);
        await raw.call('HSET', `${Q}t:bytes:${index}:${score}`, 'msg', NO_MESSAGE, 'state', state);
      }
    }
  }

  /** Collects events of this name; resolves when `enough` holds. */
  function collect<N extends 'tasks.quarantined' | 'queue.repaired'>(
    name: N,
    enough: (all: EngineEvents[N][]) => boolean,
  ): Promise<EngineEvents[N][]> {
    const all: EngineEvents[N][] = [];
    return new Promise((resolve) => {
      events.on(name, (event) => {
        all.push(event);
        if (enough(all)) resolve(all);
      });
    });
  }

  test('goes on, and reports everything that it has quarantined', async () => {
    await storeForeignIds();
    const client = new Client(broker);
    for (const id of ['a', 'b']) await client.enqueue('x', null, { queue: 'q', id, delay: '50ms' });
    const done = nextEvents(events, 'attempt.finished', 3);
    // IDs without a task or with a key of another type are dropped from the indexes that the loops read. IDs whose message
    // cannot be read are archived when they are taken. With a score in the future they stay where they are.
    const due = SCORES.length - 2;
    const expected = [
      ...['pending', 'lease'].flatMap((index) => SCORES.map((score) => `${index}:${score}`)),
      ...['scheduled', 'retry'].flatMap((index) => SCORES.slice(0, due).map((score) => `${index}:${score}`)),
    ];
    const ids = ['none', 'type', 'bytes'].flatMap((kind) => expected.map((index) => `${kind}:${index}`));
    const quarantined = collect(
      'tasks.quarantined',
      (all) => all.flatMap((event) => event.ids).length >= ids.length,
    );
    const repaired = collect('queue.repaired', () => true);
    await worker.start();
    await client.enqueue('x', null, { queue: 'q', id: 'c' });

    expect((await done).map(({ task, outcome }) => `${task.id} ${outcome}`).sort()).toEqual([
      'a succeeded',
      'b succeeded',
      'c succeeded',
    ]);
    expect((await quarantined).flatMap((event) => event.ids).sort()).toEqual(ids.sort());
    // A lease with an infinite expiry counts as expired. A task that would never start is archived.
    expect(await repaired).toMatchObject([{ queue: 'q', recovered: 6, archived: 4, renamedKeys: [] }]);
    const [facts] = await broker.inspect.queueFacts(['q']);
    expect(facts?.counts).toMatchObject({ pending: 0, active: 0, scheduled: 0, retry: 0 });
    const { tasks } = await broker.inspect.list({ queue: 'q', state: 'archived', limit: 100, cursor: null });
    const shown = tasks.map(({ id }) => id);
    expect(shown).toEqual(expect.arrayContaining(expected.map((index) => `bytes:${index}`)));
    expect(shown).toEqual(expect.arrayContaining(['bytes:scheduled:inf', 'bytes:retry:1e300']));
  });

  test('renames keys of a wrong type when it starts', async () => {
    const names = ['pending', 'active', 'lease', 'scheduled', 'retry', 'archived', 'completed', 'groups'];
    for (const name of [...names, 'aggregation_sets']) await raw.call('SET', `${Q}${name}`, 'x');
    const repaired = collect('queue.repaired', () => true);
    const done = nextEvents(events, 'attempt.finished', 1);
    await worker.start();
    expect((await repaired)[0]?.renamedKeys).toHaveLength(9);
    await new Client(broker).enqueue('x', null, { queue: 'q', retention: '1h' });
    expect(await done).toMatchObject([{ outcome: 'succeeded' }]);
  });
});
