import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { Client } from '../../src/client/client.ts';
import { HandlerError } from '../../src/errors/handler-errors.ts';
import { Semaphore } from '../../src/limits/semaphore.ts';
import { Events } from '../../src/runtime/events.ts';
import { Worker } from '../../src/worker/worker.ts';
import { brokerKinds, type BrokerPlace } from '../support/brokers.ts';

describe.each(brokerKinds)('a semaphore on $name', ({ available, place: newPlace }) => {
  let place: BrokerPlace;
  let broker: Broker;

  beforeEach(async (context) => {
    if (!available) return context.skip();
    place = await newPlace();
    broker = await place.connect();
  });
  afterEach(async () => {
    if (available) await place.remove();
  });

  const inAMinute = () => ({ deadlineMs: Date.now() + 60_000 });

  test('it lets so many tasks at a time do something, over all workers', async () => {
    const events = new Events();
    let [holding, most, done] = [0, 0, 0];
    const all = new Promise<void>((resolve) => {
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
          most = Math.max(most, holding);
          await broker.ping();
          holding -= 1;
          await semaphore.release(task);
        },
      );
    });
    const client = new Client(broker);
    const backoff = { kind: 'fixed', delayMs: 20, jitter: 0.5 } as const;
    await Promise.all(Array.from({ length: 40 }, () => client.enqueue('x', null, { backoff })));
    for (const worker of workers) await worker.start();
    await all;
    await Promise.all(workers.map((worker) => worker.stop()));
    expect(most).toBeLessThanOrEqual(3);
    expect(most).toBeGreaterThan(1);
  });

  test('the same ID of two businesses has two tokens', async () => {
    const semaphore = new Semaphore(broker, 's', 2);
    const [one, other] = [
      { id: 'a', meta: { business: 'one' } },
      { id: 'a', meta: { business: 'other' } },
    ];
    expect(await semaphore.acquire(one, inAMinute())).toBe(true);
    expect(await semaphore.acquire(other, inAMinute())).toBe(true);
    expect(await semaphore.acquire({ id: 'a' }, inAMinute())).toBe(false);
    await semaphore.release(one);
    await semaphore.release(other);
  });

  test('releasing what is not held is an error that names both', async () => {
    const semaphore = new Semaphore(broker, 'exports', 1);
    await expect(semaphore.release({ id: 'a' })).rejects.toMatchObject({
      code: 'token-not-held',
      message: 'Task "a" holds no token of the semaphore "exports".',
    });
    await semaphore.acquire({ id: 'a' }, inAMinute());
    await semaphore.release({ id: 'a' });
    await expect(semaphore.release({ id: 'a' })).rejects.toMatchObject({ code: 'token-not-held' });
  });

  test.each([0, -1, 1.5, Number.NaN, Infinity])('%d tokens are refused', (tokens) => {
    expect(() => new Semaphore(broker, 's', tokens)).toThrow(
      expect.objectContaining({ code: 'invalid-value' }),
    );
  });

  test.each(['', ' \t\n'])('a blank scope is refused', (scope) => {
    expect(() => new Semaphore(broker, scope, 1)).toThrow(expect.objectContaining({ code: 'invalid-value' }));
  });

  test('a token without an end or a holder is refused', async () => {
    const semaphore = new Semaphore(broker, 's', 1);
    const refused = { code: 'invalid-value' };
    await expect(semaphore.acquire({ id: 'a' }, { deadlineMs: Infinity })).rejects.toMatchObject(refused);
    await expect(semaphore.acquire({ id: '' }, inAMinute())).rejects.toMatchObject(refused);
    await expect(semaphore.release({ id: '' })).rejects.toMatchObject(refused);
  });
});
