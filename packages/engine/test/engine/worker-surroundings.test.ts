import { describe, expect, onTestFinished, test } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import { connect } from '../../src/connect.ts';
import { Client } from '../../src/client/client.ts';
import { Events } from '../../src/runtime/events.ts';
import { silentLog, type LogFields } from '../../src/runtime/log.ts';
import type { Admission } from '../../src/worker/admission.ts';
import { Worker } from '../../src/worker/worker.ts';
import { redisKind, sqliteKind } from '../support/brokers.ts';
import { fastClock } from '../support/fast-clock.ts';
import { nextEvent, nextEvents } from '../support/next-event.ts';
import { freePort, startRedis } from '../support/redis-server.ts';
import { until } from '../support/until.ts';

describe('handlers by pattern', () => {
  test('are chosen by the exact type first, then by the longest prefix, then the one for all types', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    const events = new Events();
    const worker = new Worker(broker, { concurrency: 1, runtime: { events } });
    onTestFinished(async () => {
      await worker.stop();
      await store.remove();
    });
    const seen: string[] = [];
    for (const pattern of ['*', 'email:*', 'email:send', 'email:send:*']) {
      worker.handle(pattern, ({ type }) => void seen.push(`${pattern} ${type}`));
    }
    const types = ['email:send', 'email:send:now', 'email:sends', 'email:', 'emai', '*'];
    const ends = nextEvents(events, 'attempt.finished', types.length);
    await worker.start();
    await new Client(broker).enqueueMany(types.map((task) => ({ task })));
    await ends;
    expect(seen).toEqual([
      'email:send email:send',
      'email:send:* email:send:now',
      'email:* email:sends',
      'email:* email:',
      '* emai',
      '* *',
    ]);
  });
});

describe('a type that is only a prefix of a pattern', () => {
  test('has no handler, so its task is given back', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    const events = new Events();
    const worker = new Worker(broker, { runtime: { events } }).handle('email:send*', () => {});
    onTestFinished(async () => {
      await worker.stop();
      await store.remove();
    });
    const end = nextEvent(events, 'attempt.finished');
    const missing = nextEvent(events, 'handler.missing');
    await worker.start();
    await new Client(broker).enqueueMany([
      { task: 'email:', id: 'a' },
      { task: 'email:send', id: 'b' },
    ]);
    expect(await missing).toEqual({ queue: 'default', type: 'email:' });
    expect(await end).toMatchObject({ task: { id: 'b' }, outcome: 'succeeded' });
  });
});

describe('a worker whose surroundings interfere', () => {
  test('gives back the tasks that a handler which stops the worker has kept from starting, and runs none of them', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    await new Client(broker).enqueueMany(Array.from({ length: 5 }, () => ({ task: 'x' })));
    let runs = 0;
    let stopped: Promise<void> | undefined;
    let end = () => {};
    const mayEnd = new Promise<void>((resolve) => (end = resolve));
    const worker = new Worker(broker, { concurrency: 10 }).handle('x', () => {
      runs += 1;
      stopped ??= worker.stop();
      return mayEnd;
    });
    onTestFinished(() => store.remove());
    await worker.start();
    const pending = async () => (await broker.inspect.queueFacts(['default']))[0]?.counts.pending;
    await until(async () => stopped !== undefined && (await pending()) === 4);
    end();
    await stopped;
    expect(runs).toBe(1);
  });

  test('goes on when its log throws while answers come in', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    const events = new Events();
    let answers = 0;
    const consume: Broker['consume'] = {
      ...broker.consume,
      async exchange(call, options) {
        const outcome = await broker.consume.exchange(call, options);
        if (call.finishes.length === 0 || answers > 0) return outcome;
        answers += 1;
        return { ...outcome, finished: outcome.finished.map(() => 'lease-lost' as const) };
      },
    };
    const warn = () => {
      throw new Error('the disk of the log is full');
    };
    const failures: string[] = [];
    const error = (_: LogFields, message: string) => void failures.push(message);
    const runtime = { events, clock: fastClock, log: { ...silentLog, warn, error } };
    const worker = new Worker({ ...broker, consume }, { runtime }).handle('x', () => {});
    onTestFinished(async () => {
      await worker.stop();
      await store.remove();
    });
    await worker.start();
    const client = new Client(broker);
    const finished = nextEvents(events, 'attempt.finished', 2);
    const { id } = await client.enqueue('x', null);
    await client.enqueue('x', null, { id: 'later' });
    const outcomes = Object.fromEntries((await finished).map(({ task, outcome }) => [task.id, outcome]));
    expect(outcomes).toEqual({ [id]: 'lost', later: 'succeeded' });
    await worker.stop();
    expect(failures).toEqual([]);
  });

  test('does not hand in again what was answered before its admission threw', async () => {
    const store = await sqliteKind.createStore();
    const broker = await store.connect();
    const handedIn: (string | undefined)[][] = [];
    const consume: Broker['consume'] = {
      ...broker.consume,
      exchange(call, options) {
        // Where the finish of a task is gone, there is nothing to hand in.
        if (call.finishes.length > 0) handedIn.push(call.finishes.map((finish) => finish?.task.id));
        return broker.consume.exchange(call, options);
      },
    };
    let free = 1;
    const admission: Admission = {
      attach: () => {},
      room: () => free,
      onFetched() {
        if (handedIn.length === 1) throw new Error('the hosts are unknown');
      },
      judge: () => undefined,
      onStarted: () => void (free -= 1),
      onEnded: () => void (free += 1),
    };
    let error: (fields: LogFields) => void = () => {};
    const failed = new Promise<LogFields>((resolve) => (error = resolve));
    const runtime = { clock: fastClock, log: { ...silentLog, error } };
    const options = { admission, runtime, shutdownTimeout: '2s' } as const;
    const worker = new Worker({ ...broker, consume }, options).handle('x', () => {});
    onTestFinished(() => store.remove());
    await new Client(broker).enqueue('x', null, { id: 'a' });
    await worker.start();
    expect(await failed).toMatchObject({ err: { message: 'the hosts are unknown' } });
    // It hands in all that is left.
    await worker.stop();
    expect(handedIn).toEqual([['a']]);
  });
});

describe.skipIf(!redisKind.available)('a broker that comes and goes', () => {
  /** A runtime with short time limits; `refused` resolves when a connection attempt has failed and will be repeated. */
  function createFastRuntime() {
    let onWarning = () => {};
    const refused = new Promise<void>((resolve) => (onWarning = resolve));
    return { refused, runtime: { clock: fastClock, log: { ...silentLog, warn: onWarning } } };
  }

  test('connect with a signal goes on trying until Redis is there', async () => {
    const server = await startRedis();
    await server.kill();
    const { signal } = new AbortController();
    const { refused, runtime } = createFastRuntime();
    const connecting = connect(server.url, { signal, runtime });
    await refused;
    await server.restart();
    const broker = await connecting;
    await broker.ping();
    await broker.close();
    await server.stop();
  });

  test('connect gives up when its signal aborts', async () => {
    const controller = new AbortController();
    const { refused, runtime } = createFastRuntime();
    const url = `redis://127.0.0.1:${await freePort()}`;
    const connecting = connect(url, { signal: controller.signal, runtime });
    await refused;
    controller.abort();
    await expect(connecting).rejects.toMatchObject({ code: 'broker-unavailable' });
  });

  test('the health check says at its interval whether the broker answers', async () => {
    const store = await redisKind.createStore();
    const broker = await store.connect();
    let isDown = false;
    const faulty = { ...broker, ping: () => (isDown ? Promise.reject(new Error('gone')) : broker.ping()) };
    onTestFinished(() => store.remove());
    /** Starts a worker and collects the reports of its health checks. */
    async function start() {
      const reports: unknown[] = [];
      let onReport = () => {};
      const report = (error: unknown) => {
        reports.push(error);
        onReport();
      };
      const waitForReports = async (count: number) => {
        while (reports.length < count) await new Promise<void>((resolve) => (onReport = resolve));
      };
      const worker = new Worker(faulty, { healthCheck: { every: 30, report } }).handle('x', () => {});
      onTestFinished(() => worker.stop());
      await worker.start();
      return { worker, reports, waitForReports };
    }
    const { worker, reports, waitForReports } = await start();
    await waitForReports(2);
    isDown = true;
    await waitForReports(reports.length + 2);
    expect(reports.slice(0, 2)).toEqual([null, null]);
    expect(reports.at(-1)).toMatchObject({ message: 'gone' });
    await worker.stop();
    const count = reports.length;
    // In the time of three reports of another worker, the stopped one would have reported, too.
    await (await start()).waitForReports(3);
    expect(reports).toHaveLength(count);
  });
});
