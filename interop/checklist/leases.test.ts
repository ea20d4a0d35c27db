import { describe, expect, onTestFinished } from 'vitest';
import { connect, Events, Worker } from '../../packages/engine/src/index.ts';
import { startFaultProxy } from '../../packages/engine/test/support/fault-proxy.ts';
import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, singleItem, nowS, until } from '../support/bed.ts';

const LEASE_EXPIRED = 'asynq: task lease expired';
/** A handler that never ends. */
const NEVER = () => new Promise(() => {});

describe('leases, heartbeats, recovery, shutdown', () => {
  const bed = interopBed();

  /** Leaves tasks as a Go server does that died while it ran them; the leases are set with `setLease`. */
  async function leaveAsDeadGoServer(queue: string, ids: readonly string[], more = {}): Promise<void> {
    const go = bed.go();
    for (const taskId of ids) await go.enqueue({ queue, taskId, ...more });
    for (const id of ids) {
      await bed.ask('RPOPLPUSH', `asynq:{${queue}}:pending`, `asynq:{${queue}}:active`);
      await bed.ask('HSET', `asynq:{${queue}}:t:${id}`, 'state', 'active');
      await bed.ask('HDEL', `asynq:{${queue}}:t:${id}`, 'pending_since');
    }
    await go.kill();
  }

  const setLease = (queue: string, id: string, agoS: number) =>
    bed.ask('ZADD', `asynq:{${queue}}:lease`, nowS() - agoS, id);

  item(
    '52 a running task keeps its lease, and Go never calls it orphaned',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      const { worker, events } = bed.worker({ queues: [queue], profile: 'asynq' });
      let release = () => {};
      worker.handle('x', () => new Promise<void>((resolve) => (release = resolve)));
      const started = nextEvent(events, 'attempt.started');
      await worker.start();
      await bed.client.enqueue('x', null, { queue, id: 'a' });
      await started;
      const endMs = performance.now() + 12_000;
      let leastS = Infinity;
      await until(async () => {
        const score = (await bed.score(queue, 'lease', 'a')) ?? -Infinity;
        leastS = Math.min(leastS, score - Date.now() / 1_000);
        const [task] = await go.list(queue, 'active');
        expect(task).toMatchObject({ id: 'a', isOrphaned: false });
        return performance.now() > endMs;
      }, 100);
      release();
      expect(leastS).toBeGreaterThan(20);
    },
    20_000,
  );

  item('53 a lease that was removed is not brought back by its renewal', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', NEVER);
    const started = nextEvent(events, 'attempt.started');
    const lost = nextEvent(events, 'lease.lost');
    await worker.start();
    await bed.client.enqueue('x', null, { queue, id: 'a' });
    await started;
    await bed.ask('ZREM', `asynq:{${queue}}:lease`, 'a');
    await lost;
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:lease`)).toBe(0);
  });

  item('55 us → Go: Go archives our lost task when its retries are used up', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await bed.client.enqueue('x', null, { queue, id: 'a', maxRetries: 0 });
    await bed.broker.consume.exchange({
      finishes: [],
      queues: [queue],
      room: 1,
      leaseMs: 1_000,
      worker: 'w',
    });
    await setLease(queue, 'a', 31);
    await go.serve({ queues: { [queue]: 1 } });
    await until(async () => (await go.task(queue, 'a')).state === 'archived');
    expect(await bed.broker.inspect.task({ queue, id: 'a' })).toMatchObject({
      state: 'archived',
      retried: 0,
      lastError: { message: LEASE_EXPIRED },
    });
  });

  item('55 Go → us: we archive a lost task of Go when its retries are used up', async () => {
    const queue = bed.queue();
    await leaveAsDeadGoServer(queue, ['a'], { maxRetry: 0 });
    const { worker, events } = bed.worker({ queues: [queue] });
    const recovered = nextEvent(events, 'tasks.recovered', ({ archived }) => archived === 1);
    worker.handle('x', NEVER);
    await setLease(queue, 'a', 31);
    await worker.start();
    await recovered;
    const lost = { state: 'archived', retried: 0, lastErr: LEASE_EXPIRED };
    expect(await bed.go().task(queue, 'a')).toMatchObject(lost);
    expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 1 });
  });

  item('56 Go → us: a lease of Go that expired less than 30 s ago is left alone', async () => {
    const queue = bed.queue();
    await leaveAsDeadGoServer(queue, ['young', 'old']);
    await setLease(queue, 'young', 15);
    await setLease(queue, 'old', 31);
    const { worker, events } = bed.worker({ queues: [queue] });
    const recovered = nextEvent(events, 'tasks.recovered');
    worker.handle('x', () => {});
    await worker.start();
    expect(await recovered).toMatchObject({ recovered: 1 });
    expect(await bed.go().task(queue, 'old')).toMatchObject({ state: 'retry', retried: 1 });
    expect(await bed.ask('LRANGE', `asynq:{${queue}}:active`, 0, -1)).toEqual(['young']);
  });

  item('56 us → Go: a lease of ours that expired less than 30 s ago is left alone by Go', async () => {
    const queue = bed.queue();
    const go = bed.go();
    for (const id of ['young', 'old']) await bed.client.enqueue('x', null, { queue, id });
    await bed.broker.consume.exchange({
      finishes: [],
      queues: [queue],
      room: 2,
      leaseMs: 1_000,
      worker: 'w',
    });
    await setLease(queue, 'young', 15);
    await setLease(queue, 'old', 31);
    await go.serve({ queues: { [queue]: 1 } });
    await until(async () => (await go.task(queue, 'old')).state === 'retry');
    expect((await go.list(queue, 'active')).map(({ id, isOrphaned }) => [id, isOrphaned])).toEqual([
      ['young', true],
    ]);
  });

  item('57 both: a task that both recover at once is recovered once', async () => {
    const queue = bed.queue();
    const ids = Array.from({ length: 40 }, (_, i) => `task-${i}`);
    await leaveAsDeadGoServer(queue, ids, { retentionMs: 600_000 });
    for (const id of ids) await setLease(queue, id, 31);
    const go = bed.go();
    const { worker } = bed.worker({ queues: [queue], concurrency: 5 });
    worker.handle('x', () => {});
    await Promise.all([
      go.serve({ queues: { [queue]: 1 }, concurrency: 5, retryDelayMs: 0, brief: true }),
      worker.start(),
    ]);
    await until(async () => {
      // Tasks that our recoverer put back wait for Asynq's delay: run them now.
      await go.inspect('runAll', { queue, state: 'retry' });
      return (await bed.ask('ZCARD', `asynq:{${queue}}:completed`)) === ids.length;
    });
    for (const id of ids) {
      expect(await bed.broker.inspect.task({ queue, id })).toMatchObject({ retried: 1, crashes: 0 });
    }
    expect(await bed.counters(queue)).toEqual({ processed: 2 * ids.length, failed: ids.length });
  });

  singleItem(
    '58 a worker that is cut off from Redis aborts its task and writes nothing later',
    async () => {
      const queue = bed.queue();
      const proxy = await startFaultProxy(bed.port);
      const broker = await connect(proxy.url);
      const events = new Events();
      const worker = new Worker(broker, {
        queues: [queue],
        profile: 'asynq',
        maintenance: false,
        runtime: { events },
      });
      onTestFinished(async () => {
        await worker.stop();
        await broker.close();
        await proxy.close();
      });
      let release = () => {};
      const aborted = new Promise((resolve) =>
        worker.handle('x', (_, { signal }) => {
          signal.addEventListener('abort', () => resolve(signal.reason));
          return new Promise<string>((end) => (release = () => end('too late')));
        }),
      );
      const started = nextEvent(events, 'attempt.started');
      const finished = nextEvent(events, 'attempt.finished');
      await worker.start();
      await bed.client.enqueue('x', null, { queue, id: 'a', retention: '1h' });
      await started;
      const cutMs = performance.now();
      proxy.swallow(true);
      expect(await aborted).toMatchObject({ message: LEASE_EXPIRED });
      expect(performance.now() - cutMs).toBeGreaterThan(20_000);
      expect(performance.now() - cutMs).toBeLessThan(31_000);
      release();
      expect(await finished).toMatchObject({ outcome: 'lost' });
      const other = bed.worker({ queues: [queue] });
      other.worker.handle('x', () => 'in time');
      const end = nextEvent(other.events, 'attempt.finished');
      await other.worker.start();
      expect(await end).toMatchObject({ outcome: 'succeeded' });
      // Not earlier: the first worker would take the task again.
      proxy.swallow(false);
      await until(() =>
        broker.ping().then(
          () => true,
          () => false,
        ),
      );
      expect(String((await bed.go().task(queue, 'a')).result)).toBe('"in time"');
      expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 0 });
    },
    60_000,
  );

  item('62 while a worker stops, its running tasks continue and no new ones are taken', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue], concurrency: 2 });
    let release = () => {};
    worker.handle('x', () => new Promise<void>((resolve) => (release = resolve)));
    const started = nextEvent(events, 'attempt.started');
    await worker.start();
    await bed.client.enqueue('x', null, { queue, id: 'runs' });
    await started;
    const end = nextEvent(events, 'attempt.finished');
    const stopped = worker.stop();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'waits' });
    expect((await go.task(queue, 'runs')).state).toBe('active');
    release();
    expect(await end).toMatchObject({ outcome: 'succeeded', task: { id: 'runs' } });
    await stopped;
    expect((await go.task(queue, 'waits')).state).toBe('pending');
  });

  item('63 us → Go: Go takes tasks that we give back at shutdown next, and nothing is counted', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue], concurrency: 1, shutdownTimeout: 100 });
    worker.handle('x', NEVER);
    const started = nextEvent(events, 'attempt.started');
    await worker.start();
    await bed.client.enqueue('x', null, { queue, id: 'first' });
    await started;
    await bed.client.enqueue('x', null, { queue, id: 'second' });
    await worker.stop();
    expect(await bed.ask('LRANGE', `asynq:{${queue}}:pending`, 0, -1)).toEqual(['second', 'first']);
    expect(await bed.counters(queue)).toEqual({ processed: 0, failed: 0 });
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 }, concurrency: 1 });
    expect((await go.sawMany('started', 2)).map(({ task, retried }) => [task, retried])).toEqual([
      ['first', 0],
      ['second', 0],
    ]);
  });

  item('63 Go → us: we take tasks that Go gives back at shutdown next', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'first' });
    const behaviours = { x: { do: 'hang' } } as const;
    await go.serve({ queues: { [queue]: 1 }, concurrency: 1, behaviours, shutdownTimeoutMs: 100 });
    await go.saw('started', 'first');
    await go.enqueue({ queue, taskId: 'second' });
    await go.stop();
    const { worker, events } = bed.worker({ queues: [queue], concurrency: 1 });
    worker.handle('x', ({ retried }) => retried);
    const ends = nextEvents(events, 'attempt.finished', 2);
    await worker.start();
    expect((await ends).map(({ task, attempt, outcome }) => [task.id, attempt, outcome])).toEqual([
      ['first', 1, 'succeeded'],
      ['second', 1, 'succeeded'],
    ]);
    expect(await bed.counters(queue)).toEqual({ processed: 2, failed: 0 });
  });

  item(
    '65 both: in strict order all tasks of the higher queue come first, no matter which side enqueues or takes them',
    async () => {
      const go = bed.go();
      const fill = async () => {
        const queues = { low: bed.queue(), high: bed.queue() };
        for (const queue of [queues.low, queues.high]) {
          for (let i = 0; i < 10; i += 1) {
            await go.enqueue({ queue });
            await bed.client.enqueue('x', null, { queue });
          }
        }
        return queues;
      };
      const ours = await fill();
      const { worker, events } = bed.worker({
        queues: { [ours.low]: 1, [ours.high]: 5 },
        order: 'strict',
        concurrency: 1,
      });
      worker.handle('x', () => {});
      const ends = nextEvents(events, 'attempt.finished', 40);
      await worker.start();
      const order = ({ low, high }: typeof ours) => [
        ...Array<string>(20).fill(high),
        ...Array<string>(20).fill(low),
      ];
      expect((await ends).map(({ task }) => task.queue)).toEqual(order(ours));
      const theirs = await fill();
      await go.serve({ queues: { [theirs.low]: 1, [theirs.high]: 5 }, concurrency: 1, strict: true });
      expect((await go.sawMany('started', 40)).map(({ queue }) => queue)).toEqual(order(theirs));
    },
  );

  item('65 both: with weights 6:3:1 each queue gets its share, from us alone and beside Go', async () => {
    const go = bed.go();
    const names = { critical: 6, default: 3, low: 1 };
    const fill = async (count: number): Promise<Record<string, number>> => {
      const queues: Record<string, number> = {};
      for (const weight of Object.values(names)) {
        const queue = bed.queue();
        queues[queue] = weight;
        await bed.client.enqueueMany(Array.from({ length: count }, () => ({ task: 'x', queue })));
      }
      return queues;
    };
    const near = (queues: Record<string, number>, runs: readonly string[]) => {
      for (const [queue, weight] of Object.entries(queues)) {
        const share = runs.filter((one) => one === queue).length / runs.length;
        expect(Math.abs(share - weight / 10)).toBeLessThan(0.05);
      }
    };
    for (const concurrency of [1, 40]) {
      const queues = await fill(2_500);
      const runs: string[] = [];
      const { worker } = bed.worker({ queues, concurrency });
      worker.handle('x', ({ queue }) => void runs.push(queue));
      await worker.start();
      await until(() => Promise.resolve(runs.length >= 3_000));
      await worker.stop();
      near(queues, runs.slice(0, 3_000));
    }
    const queues = await fill(3_500);
    const runs: string[] = [];
    const { worker } = bed.worker({ queues, concurrency: 10 });
    worker.handle('x', async ({ queue }) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      runs.push(queue);
    });
    await Promise.all([worker.start(), go.serve({ queues, concurrency: 10 })]);
    const inGo = () => go.events.filter(({ event }) => event === 'started').map(({ queue }) => queue);
    await until(() => Promise.resolve(runs.length + inGo().length >= 4_000));
    expect(runs.length).toBeGreaterThan(0);
    expect(inGo().length).toBeGreaterThan(0);
    near(queues, [...runs, ...inGo()].slice(0, 4_000));
  });

  item('66 both: each of 10,000 tasks on one queue runs once, on one side or the other', async () => {
    const queue = bed.queue();
    const half = Array.from({ length: 5_000 }, (_, i) => i);
    const [producer, server] = [bed.go(), bed.go()];
    const runs = new Map<string, number>();
    const { worker } = bed.worker({ queues: [queue], concurrency: 50 });
    worker.handle('x', ({ id }) => void runs.set(id, (runs.get(id) ?? 0) + 1));
    await server.serve({ queues: { [queue]: 1 }, concurrency: 10, brief: true });
    await worker.start();
    await Promise.all([
      producer.enqueueMany(half.map((i) => ({ queue, taskId: `go-${i}` }))),
      bed.client.enqueueMany(half.map((i) => ({ task: 'x', queue, id: `ts-${i}` }))),
    ]);
    await until(async () => (await bed.counters(queue)).processed >= 10_000);
    const inGo = server.events.filter(({ event }) => event === 'ran');
    for (const { task } of inGo) runs.set(task, (runs.get(task) ?? 0) + 1);
    expect(runs.size).toBe(10_000);
    expect([...runs.values()].every((count) => count === 1)).toBe(true);
    expect(inGo.length).toBeGreaterThan(0);
    expect(inGo.length).toBeLessThan(10_000);
    expect(await bed.counters(queue)).toEqual({ processed: 10_000, failed: 0 });
    expect(await producer.inspect('info', { queue })).toMatchObject({ Size: 0, Processed: 10_000 });
  });
});
