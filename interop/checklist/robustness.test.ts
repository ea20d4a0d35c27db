import { describe, expect, onTestFinished } from 'vitest';
import { connect, Events, Worker } from '../../packages/engine/src/index.ts';
import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { startRedis } from '../../packages/engine/test/support/redis-server.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';
import { startGoPeer } from '../support/go-peer.ts';

describe('robustness', () => {
  const bed = interopBed({ appendonly: true });

  item('108 a worker that starts without Redis keeps trying, and works when Redis is there', async () => {
    const server = await startRedis();
    await server.kill();
    const events = new Events();
    const { signal } = new AbortController();
    const starting = connect(server.url, { signal }).then(async (broker) => {
      const worker = new Worker(broker, { runtime: { events } }).handle('x', () => {});
      await worker.start();
      return { broker, worker };
    });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const end = nextEvent(events, 'attempt.finished');
    await server.restart();
    const { broker, worker } = await starting;
    const go = startGoPeer(server.port);
    onTestFinished(async () => {
      await Promise.all([go.kill(), worker.stop()]);
      await broker.close();
      await server.stop();
    });
    await go.enqueue({ queue: 'default', taskId: 'a' });
    expect(await end).toMatchObject({ outcome: 'succeeded', task: { id: 'a' } });
  });

  item('108 a worker whose Redis is gone when it starts works when Redis is back', async () => {
    const server = await startRedis();
    const broker = await connect(server.url);
    const events = new Events();
    const worker = new Worker(broker, { runtime: { events } }).handle('x', () => {});
    await server.kill();
    await worker.start();
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const end = nextEvent(events, 'attempt.finished');
    await server.restart();
    const go = startGoPeer(server.port);
    onTestFinished(async () => {
      await Promise.all([go.kill(), worker.stop()]);
      await broker.close();
      await server.stop();
    });
    await go.enqueue({ queue: 'default', taskId: 'a' });
    expect(await end).toMatchObject({ outcome: 'succeeded', task: { id: 'a' } });
  });

  item(
    '108 Go → us: a worker whose Redis is gone when it starts receives cancellations when Redis is back',
    async () => {
      const server = await startRedis();
      const broker = await connect(server.url);
      const events = new Events();
      const worker = new Worker(broker, { runtime: { events } }).handle('x', () => new Promise(() => {}));
      await server.kill();
      await worker.start();
      const [started, end] = [nextEvent(events, 'attempt.started'), nextEvent(events, 'attempt.finished')];
      await server.restart();
      const go = startGoPeer(server.port);
      onTestFinished(async () => {
        await Promise.all([go.kill(), worker.stop()]);
        await broker.close();
        await server.stop();
      });
      await go.enqueue({ queue: 'default', taskId: 'a' });
      await started;
      let hasEnded = false;
      void end.then(() => (hasEnded = true));
      // Go cannot know whether a cancellation was received, so it is sent repeatedly.
      await until(async () => {
        await go.inspect('cancel', { task: 'a' });
        return hasEnded;
      });
      expect(await go.task('default', 'a')).toMatchObject({ state: 'retry', lastErr: 'context canceled' });
    },
  );

  item('111 the health check is called at its interval, with null or with the error', async () => {
    const server = await startRedis();
    const broker = await connect(server.url);
    const reports: unknown[] = [];
    const healthCheck = { every: 100, report: (error: unknown) => void reports.push(error) };
    const worker = new Worker(broker, { healthCheck }).handle('x', () => {});
    onTestFinished(async () => {
      await worker.stop();
      await broker.close();
      await server.stop();
    });
    await worker.start();
    await until(() => Promise.resolve(reports.length >= 3));
    expect(reports).toEqual(reports.map(() => null));
    await server.kill();
    await until(() => Promise.resolve(reports.at(-1) !== null));
    expect(reports.at(-1)).toMatchObject({ code: 'broker-unavailable' });
    await server.restart();
    await until(() => Promise.resolve(reports.at(-1) === null));
  });

  item('109 both: after a restart of Redis both sides continue', async () => {
    const queue = bed.queue();
    const [producer, server] = [bed.go(), bed.go()];
    const { worker } = bed.worker({ queues: [queue], concurrency: 5 });
    worker.handle('x', () => {});
    const round = async () => {
      for (let i = 0; i < 20; i += 1) {
        await producer.enqueue({ queue });
        await bed.client.enqueue('x', null, { queue });
      }
    };
    await worker.start();
    await server.serve({ queues: { [queue]: 1 }, concurrency: 5, brief: true });
    await round();
    await until(async () => (await bed.counters(queue)).processed === 40);
    await bed.redis.restart();
    await until(() => bed.ask('PING').then(Boolean, () => false), 50);
    await until(() => producer.inspect('queues').then(Boolean, () => false), 50);
    await until(
      () =>
        bed.broker.ping().then(
          () => true,
          () => false,
        ),
      50,
    );
    await round();
    await until(async () => (await bed.counters(queue)).processed === 80);
    expect(await producer.inspect('info', { queue })).toMatchObject({ Size: 0, Failed: 0 });
    const before = server.events.length;
    await worker.stop();
    await bed.client.enqueue('x', null, { queue });
    await server.sawMany('ran', before + 1);
  });

  item('110 both: the scripts of Redis may be flushed at any time', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const { worker } = bed.worker({ queues: [queue], concurrency: 5 });
    worker.handle('x', () => {});
    await worker.start();
    await go.serve({ queues: { [queue]: 1 }, concurrency: 5, brief: true });
    for (let i = 0; i < 30; i += 1) {
      await Promise.all([
        bed.ask('SCRIPT', 'FLUSH'),
        go.enqueue({ queue }),
        bed.client.enqueue('x', null, { queue, delay: i % 2 === 0 ? '0s' : '50ms' }),
      ]);
    }
    await until(async () => (await bed.counters(queue)).processed === 60);
    expect(await go.inspect('info', { queue })).toMatchObject({ Size: 0, Failed: 0 });
  });

  /** Puts IDs into all lists and sets that a worker and its loops read, all of them due. */
  async function addIds(queue: string, id: string): Promise<void> {
    const key = (name: string) => `asynq:{${queue}}:${name}`;
    await bed.ask('RPUSH', key('pending'), `${id}-pending`);
    for (const set of ['scheduled', 'retry']) await bed.ask('ZADD', key(set), nowS() - 5, `${id}-${set}`);
    await bed.ask('LPUSH', key('active'), `${id}-lease`);
    await bed.ask('ZADD', key('lease'), nowS() - 60, `${id}-lease`);
  }

  /** Tasks of both sides run although the bad IDs are there. */
  async function expectOthersRun(queue: string): Promise<void> {
    const go = bed.go();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    const ends = nextEvents(events, 'attempt.finished', 4);
    await go.enqueue({ queue, taskId: 'pending' });
    await go.enqueue({ queue, taskId: 'scheduled', processInMs: 1_000 });
    await go.enqueue({ queue, taskId: 'lost' });
    await bed.ask('LREM', `asynq:{${queue}}:pending`, 0, 'lost');
    await bed.ask('LPUSH', `asynq:{${queue}}:active`, 'lost');
    await bed.ask('HSET', `asynq:{${queue}}:t:lost`, 'state', 'active');
    await bed.ask('ZADD', `asynq:{${queue}}:lease`, nowS() - 60, 'lost');
    await worker.start();
    await bed.client.enqueue('x', null, { queue, id: 'ours', delay: '100ms' });
    expect((await ends).map(({ task }) => task.id).sort()).toEqual(['lost', 'ours', 'pending', 'scheduled']);
  }

  item('112 IDs without a task stop neither processing nor recovery', async () => {
    const queue = bed.queue();
    await addIds(queue, 'nobody');
    await expectOthersRun(queue);
    for (const index of ['pending', 'scheduled', 'retry', 'lease', 'active']) {
      await until(async () => (await bed.ask('EXISTS', `asynq:{${queue}}:${index}`)) === 0);
    }
    expect(await bed.ask('KEYS', `asynq:{${queue}}:t:*`)).toEqual([]);
  });

  item('113 unreadable messages stop neither processing nor recovery', async () => {
    const queue = bed.queue();
    await addIds(queue, 'bad');
    const states = { pending: 'pending', scheduled: 'scheduled', retry: 'retry', lease: 'active' };
    for (const [index, state] of Object.entries(states)) {
      const key = `asynq:{${queue}}:t:bad-${index}`;
      await bed.ask('HSET', key, 'msg', Buffer.from([0x0a, 0xff, 0xff]), 'state', state);
    }
    await expectOthersRun(queue);
    expect((await bed.counters(queue)).processed).toBeGreaterThanOrEqual(4);
  });

  item('114 after FLUSHDB new tasks are processed, and their queue is registered again', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    const first = nextEvent(events, 'attempt.finished');
    await worker.start();
    await bed.client.enqueue('x', null, { queue });
    await first;
    await bed.ask('FLUSHDB');
    const then = nextEvent(events, 'attempt.finished');
    await bed.client.enqueue('x', null, { queue, id: 'a' });
    expect(await then).toMatchObject({ task: { id: 'a' }, outcome: 'succeeded' });
    expect(await bed.ask('SISMEMBER', 'asynq:queues', queue)).toBe(1);
  });
});
