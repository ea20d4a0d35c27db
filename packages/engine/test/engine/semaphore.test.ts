import { describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { HandlerError } from '../../src/errors/handler-errors.ts';
import { Semaphore } from '../../src/limits/semaphore.ts';
import { Events } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds } from '../support/brokers.ts';
import { storeOfEachTest } from '../support/store-of-each-test.ts';

describe.each(brokerKinds)('a semaphore on $name', (kind) => {
  let broker: Broker;

  storeOfEachTest(kind, async (store) => {
    broker = await store.connect();
  });

  const inAMinute = () => ({ deadlineMs: Date.now() + 60_000 });

  test('limits how many tasks hold a token at once, over all workers', async () => {
    const events = new Events();
    let [holding, maxHolding, done] = [0, 0, 0];
    const allDone = new Promise<void>((resolve) => {
      events.on('attempt.finished', ({ outcome }) => {
        if (outcome !== 'succeeded') return;
        done += 1;
        if (done === 40) resolve();
      });
    });
    const workers = [1, 2].map(() => {
      const semaphore = new Semaphore(broker, 'exports', 3);
      return new Worker(broker, { concurrency: 8, runtime: { events }, isFailure: () => false }).handle(
        'x',
        async (task, context) => {
          if (!(await semaphore.acquire(task, context))) throw new HandlerError('all tokens are taken');
          holding += 1;
          maxHolding = Math.max(maxHolding, holding);
          await broker.ping();
          holding -= 1;
          await semaphore.release(task);
        },
      );
    });
    const client = new Client(broker);
    const backoff = { kind: 'fixed', delay: 20, jitter: 0.5 } as const;
    await Promise.all(Array.from({ length: 40 }, () => client.enqueue('x', null, { backoff })));
    for (const worker of workers) await worker.start();
    await allDone;
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(maxHolding).toBeLessThanOrEqual(3);
    expect(maxHolding).toBeGreaterThan(1);
  });

  test('gives tasks of two businesses with the same ID a token each', async () => {
    const semaphore = new Semaphore(broker, 's', 2);
    const first = { id: 'a', meta: { business: 'first' } };
    const second = { id: 'a', meta: { business: 'second' } };
    expect(await semaphore.acquire(first, inAMinute())).toBe(true);
    expect(await semaphore.acquire(second, inAMinute())).toBe(true);
    expect(await semaphore.acquire({ id: 'a' }, inAMinute())).toBe(false);
    await semaphore.release(first);
    await semaphore.release(second);
  });

  test('fails to release a token that is not held, with an error that names task and scope', async () => {
    const semaphore = new Semaphore(broker, 'exports', 1);
    await expect(semaphore.release({ id: 'a' })).rejects.toMatchObject({
      code: 'token-not-held',
      message: 'Task "a" holds no token of the semaphore "exports".',
    });
    await semaphore.acquire({ id: 'a' }, inAMinute());
    await semaphore.release({ id: 'a' });
    await expect(semaphore.release({ id: 'a' })).rejects.toMatchObject({ code: 'token-not-held' });
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity])('refuses a limit of %d tokens', (tokens) => {
    expect(() => new Semaphore(broker, 's', tokens)).toThrow(
      expect.objectContaining({ code: 'invalid-value' }),
    );
  });

  test.each(['', ' \t\n'])('refuses the blank scope %j', (scope) => {
    expect(() => new Semaphore(broker, scope, 1)).toThrow(expect.objectContaining({ code: 'invalid-value' }));
  });

  test('refuses a token without a deadline or a holder', async () => {
    const semaphore = new Semaphore(broker, 's', 1);
    const refused = { code: 'invalid-value' };
    await expect(semaphore.acquire({ id: 'a' }, { deadlineMs: Infinity })).rejects.toMatchObject(refused);
    await expect(semaphore.acquire({ id: '' }, inAMinute())).rejects.toMatchObject(refused);
    await expect(semaphore.release({ id: '' })).rejects.toMatchObject(refused);
  });
});
