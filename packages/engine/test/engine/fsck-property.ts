import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connectRedis } from '../../src/brokers/redis/redis-broker.ts';
import { fsck } from '../../src/control/fsck.ts';
import { aTask, finish } from '../support/factories.ts';
import { seedFromEnvironment } from '../support/foreign-data.ts';
import { rawRedis, type RawRedis } from '../support/raw-redis.ts';
import { hasRedis, startRedis, type RedisServer } from '../support/redis-server.ts';

const HOUR_MS = 3_600_000;
const Q = 'asynq:{q}:';
const TC = 'tc:{q}:';

const IDS = ['pending', 'active', 'later', 'again', 'dead', 'done', 'cancelled', 'grouped', 'set', 'gone'];
const LISTS = ['pending', 'active'].map((name) => Q + name);
const SETS = [
  ...['scheduled', 'retry', 'archived', 'completed', 'lease', 'g:a', 'g:b'].map((name) => Q + name),
  ...['due', 'st:cancelled'].map((name) => TC + name),
];
const STATES = ['pending', 'active', 'scheduled', 'retry', 'archived', 'completed', 'aggregating', 'x', ''];

/** Commands that each damage a key of the queue. */
const damage: fc.Arbitrary<readonly string[]> = fc.oneof(
  fc.tuple(fc.constant('LREM'), fc.constantFrom(...LISTS), fc.constant('0'), fc.constantFrom(...IDS)),
  fc.tuple(fc.constantFrom('LPUSH', 'RPUSH'), fc.constantFrom(...LISTS), fc.constantFrom(...IDS)),
  fc.tuple(fc.constant('ZREM'), fc.constantFrom(...SETS), fc.constantFrom(...IDS)),
  fc.tuple(
    fc.constant('ZADD'),
    fc.constantFrom(...SETS),
    // A minute ago: not long enough for an archived task to be deleted because of its age.
    fc.constantFrom(`${Math.floor(Date.now() / 1_000) - 60}`, '1900000000', '1900000000.000007'),
    fc.constantFrom(...IDS),
  ),
  fc.tuple(
    fc.constant('HSET'),
    fc.constantFrom(...IDS).map((id) => `${Q}t:${id}`),
    fc.constant('state'),
    fc.constantFrom(...STATES),
  ),
  fc.tuple(
    fc.constant('HDEL'),
    fc.constantFrom(...IDS).map((id) => `${Q}t:${id}`),
    fc.constantFrom('state', 'msg', 'tc:d', 'group'),
  ),
  fc.tuple(
    fc.constant('DEL'),
    fc.constantFrom(
      ...LISTS,
      ...SETS,
      ...IDS.map((id) => `${Q}t:${id}`),
      `${Q}groups`,
      `${Q}aggregation_sets`,
    ),
  ),
  fc.tuple(
    fc.constant('SET'),
    fc.constantFrom(`${Q}unique:y:`, `${Q}processed`),
    fc.constantFrom(...IDS, '3'),
  ),
  fc.tuple(
    fc.constant('SET'),
    fc.constantFrom(...LISTS, ...SETS, `${Q}groups`, `${Q}t:gone`, `${Q}t:later`),
    fc.constant('x'),
  ),
);

/** Stores a task in every state, with the state as its ID; there is no task `gone`. */
async function fill({ submit, consume, control, groups }: Broker): Promise<void> {
  const taskOf = (id: string, more: Parameters<typeof aTask>[0] = {}) =>
    aTask({ id, queue: 'q', type: id, retentionMs: HOUR_MS, uniqueMs: HOUR_MS, ...more });
  const exchange = { queues: ['q'], leaseMs: HOUR_MS, worker: 'w' };
  await submit.enqueue(['done', 'again', 'dead', 'active'].map((id) => taskOf(id)));
  const { tasks } = await consume.exchange({ ...exchange, room: 4, finishes: [] });
  const [done, again, dead] = tasks;
  const finishes = [finish.succeeded(done!), finish.retry(again!, HOUR_MS), finish.archive(dead!)];
  await consume.exchange({ ...exchange, room: 0, finishes });
  await submit.enqueue([
    taskOf('later', { delayMs: HOUR_MS }),
    taskOf('cancelled'),
    taskOf('set', { group: 'a' }),
    taskOf('pending'),
  ]);
  await control.cancel({ queue: 'q', id: 'cancelled' }, {});
  await groups.take('q', { graceMs: 0, maxDelayMs: 0, maxSize: 1 }, 1, null);
  await submit.enqueue([taskOf('grouped', { group: 'a' })]);
}

/** @param timeLimitMs no run ends after this time */
export function testRepairs(timeLimitMs: number): void {
  describe.skipIf(!hasRedis())('after any damage to a queue', () => {
    let server: RedisServer;
    let raw: RawRedis;
    beforeAll(async () => {
      server = await startRedis();
      raw = await rawRedis(server.port);
    });
    afterAll(async () => {
      raw?.close();
      await server?.stop();
    });

    /** IDs of the tasks that have a message. */
    async function readableIds(): Promise<string[]> {
      const found: string[] = [];
      for (const id of IDS) {
        const type = String(await raw.call('TYPE', `${Q}t:${id}`));
        if (type === 'hash' && (await raw.call('HEXISTS', `${Q}t:${id}`, 'msg')) === 1) found.push(id);
      }
      return found;
    }

    test('a repair leaves no faults, and every task that has a message', async () => {
      const property = fc.asyncProperty(
        fc.array(damage, { minLength: 1, maxLength: 12 }),
        async (commands) => {
          await raw.call('FLUSHALL');
          const broker = await connectRedis({ url: server.url });
          try {
            await fill(broker);
            // Redis refuses a command on a key that an earlier command gave another type; then nothing is damaged.
            for (const command of commands) await raw.call(...command).catch(() => {});
            const before = await readableIds();
            expect(await fsck(broker, { repair: true, pause: 0 })).toMatchObject({ remaining: 0 });
            expect(await fsck(broker, { pause: 0 })).toMatchObject({ findings: [] });
            expect(await readableIds()).toEqual(before);
          } finally {
            await broker.close();
          }
        },
      );
      await fc.assert(property, {
        numRuns: 100_000,
        interruptAfterTimeLimit: timeLimitMs,
        markInterruptAsFailure: false,
        ...seedFromEnvironment(),
      });
    });
  });
}
