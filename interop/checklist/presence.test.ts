import { hostname } from 'node:os';
import { describe, expect } from 'vitest';
import { nextEvent } from '../../packages/engine/test/support/next-event.ts';
import { startAsynqmon } from '../support/asynqmon.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';
import { cli, tableIn } from '../support/cli.ts';
import type { GoPeer } from '../support/go-peer.ts';

/** A server as Go's inspector shows it; times in ms. */
interface GoServerInfo {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly concurrency: number;
  readonly queues: Readonly<Record<string, number>>;
  readonly strict: boolean;
  readonly status: string;
  readonly startedMs: number;
  readonly workers: readonly {
    readonly task: string;
    readonly type: string;
    readonly payload: string;
    readonly queue: string;
    readonly startedMs: number;
    readonly deadlineMs: number;
  }[];
}

/** A server as asynqmon shows it. */
interface MonServer {
  readonly host: string;
  readonly queue_priorities: Readonly<Record<string, number>>;
  readonly active_workers: readonly { readonly start_time: string }[];
}

/** All servers of a Redis are listed together: each test recognizes its own by the queue. */
describe('servers and their workers', () => {
  const bed = interopBed();

  const seenByGo = async (go: GoPeer, queue: string): Promise<GoServerInfo | undefined> =>
    (await go.inspect<GoServerInfo[]>('servers')).find(({ queues }) => queue in queues);
  const seenByUs = async (queue: string) =>
    (await bed.broker.presence.servers()).find(({ queues }) => queue in queues);

  /** Starts a worker of ours with one running task; `release` ends the task. */
  async function busyWorker(queue: string) {
    const { worker, events } = bed.worker({ queues: { [queue]: 6, low: 2 }, concurrency: 3 });
    let release = () => {};
    worker.handle('x', () => new Promise<void>((resolve) => (release = resolve)));
    const started = nextEvent(events, 'attempt.started');
    await bed.client.enqueue('x', { a: 1 }, { queue, id: 'runs', timeout: '90s' });
    await worker.start();
    await started;
    return { worker, release: () => release() };
  }

  const nameOf = async (queue: string): Promise<string> => {
    const server = await seenByUs(queue);
    return `{${server?.host}:${server?.pid}:${server?.id}}`;
  };

  item('59 us → Go: the keys of our worker live for 10 s, with one field per running task', async () => {
    const queue = bed.queue();
    const { release } = await busyWorker(queue);
    await until(async () => (await seenByUs(queue))?.running === 1, 100);
    const name = await nameOf(queue);
    expect(await bed.ask('HKEYS', `asynq:workers:${name}`)).toEqual(['runs']);
    for (const kind of ['servers', 'workers']) {
      const score = Number(await bed.ask('ZSCORE', `asynq:${kind}`, `asynq:${kind}:${name}`));
      expect(Math.abs(score - 10 - nowS())).toBeLessThanOrEqual(6);
      const leftMs = Number(await bed.ask('PTTL', `asynq:${kind}:${name}`));
      expect(leftMs).toBeGreaterThan(4_000);
      expect(leftMs).toBeLessThanOrEqual(10_000);
    }
    release();
  });

  item('59 us → Go: Go shows our worker, also after later heartbeats', async () => {
    const queue = bed.queue();
    const before = Date.now();
    const { release } = await busyWorker(queue);
    const go = bed.go();
    await until(async () => (await seenByGo(go, queue))?.workers.length === 1, 100);
    const server = await seenByGo(go, queue);
    expect(server).toMatchObject({
      host: hostname(),
      pid: process.pid,
      concurrency: 3,
      queues: { [queue]: 6, low: 2 },
      strict: false,
      status: 'active',
      workers: [{ task: 'runs', type: 'x', queue }],
    });
    expect(server?.startedMs).toBeGreaterThanOrEqual(before);
    const [task] = server?.workers ?? [];
    expect(Buffer.from(task?.payload ?? '', 'base64').toString()).toBe('{"a":1}');
    expect((task?.deadlineMs ?? 0) - (task?.startedMs ?? 0)).toBe(90_000);
    // The next heartbeat extends the life of the key.
    const key = `asynq:servers:${await nameOf(queue)}`;
    const expiryMs = async () => Number(await bed.ask('PEXPIRETIME', key));
    const announcedMs = await expiryMs();
    await until(async () => (await expiryMs()) > announcedMs, 100);
    expect((await seenByGo(go, queue))?.id).toBe(server?.id);
    release();
  });

  item('62 us → Go: our worker is active, stopped, closed, and then gone from all four keys', async () => {
    const queue = bed.queue();
    const { worker, release } = await busyWorker(queue);
    const go = bed.go();
    const becomes = (status: string) => until(async () => (await seenByGo(go, queue))?.status === status, 50);
    await becomes('active');
    const name = await nameOf(queue);
    worker.stopTaking();
    await becomes('stopped');
    await go.enqueue({ queue, taskId: 'waits' });
    expect((await go.task(queue, 'runs')).state).toBe('active');
    const stopped = worker.stop();
    await becomes('closed');
    release();
    await stopped;
    expect((await go.task(queue, 'waits')).state).toBe('pending');
    for (const kind of ['servers', 'workers']) {
      expect(await bed.ask('EXISTS', `asynq:${kind}:${name}`)).toBe(0);
      expect(await bed.ask('ZSCORE', `asynq:${kind}`, `asynq:${kind}:${name}`)).toBeNull();
    }
  });

  item('94 Go → us: we show Go servers with their workers', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.serve({ queues: { [queue]: 3 }, concurrency: 2, behaviours: { x: { do: 'block' } } });
    await go.enqueue({ queue, taskId: 'held', payload: 'p' });
    await go.saw('started', 'held');
    await until(async () => (await seenByUs(queue))?.tasks.length === 1, 100);
    const [ours, theirs] = [await seenByUs(queue), await seenByGo(bed.go(), queue)];
    expect(ours).toMatchObject({
      id: theirs?.id,
      host: theirs?.host,
      pid: theirs?.pid,
      concurrency: 2,
      queues: { [queue]: 3 },
      strict: theirs?.strict,
      status: 'active',
      running: 1,
      startedMs: theirs?.startedMs,
    });
    const [task] = ours?.tasks ?? [];
    const [worker] = theirs?.workers ?? [];
    expect(task).toMatchObject({
      id: 'held',
      type: 'x',
      queue,
      startedMs: worker?.startedMs,
      deadlineMs: worker?.deadlineMs,
    });
    expect(Buffer.from(task?.payload ?? []).toString()).toBe('p');
  });

  item('94 both: expired servers and workers are pruned, no matter which side lists them', async () => {
    const go = bed.go();
    const expectPruned = async (list: () => Promise<unknown>) => {
      for (const kind of ['servers', 'workers']) {
        await bed.ask('ZADD', `asynq:${kind}`, nowS() - 2, `asynq:${kind}:{h:1:over}`);
      }
      await list();
      for (const kind of ['servers', 'workers']) {
        expect(await bed.ask('ZSCORE', `asynq:${kind}`, `asynq:${kind}:{h:1:over}`)).toBeNull();
      }
    };
    await expectPruned(() => go.inspect('servers'));
    await expectPruned(() => bed.broker.presence.servers());
  });

  item('60 us → Go: `asynq server ls` lists our server', async () => {
    const queue = bed.queue();
    const { release } = await busyWorker(queue);
    await until(async () => (await seenByUs(queue))?.running === 1, 100);
    const rows = tableIn(await cli(bed.redis.address, 'server', 'ls'), 'Host');
    const row = rows.find(({ Queues }) => Queues?.includes(queue));
    expect(row).toMatchObject({ Host: hostname(), PID: String(process.pid), State: 'active' });
    expect(row?.['Active Workers']).toBe('1/3');
    expect(row?.['Queues']?.split(' ').sort()).toEqual([`${queue}:6`, 'low:2'].sort());
    expect(row?.['Started']).toMatch(/\d+s ago|just now/);
    release();
  });

  item('61 us → Go: asynqmon shows our server, and when its tasks started', async () => {
    const queue = bed.queue();
    const before = Date.now() - 1_000;
    const { release } = await busyWorker(queue);
    await until(async () => (await seenByUs(queue))?.running === 1, 100);
    const mon = await startAsynqmon(bed.redis.address);
    const { servers } = await mon.get<{ servers: MonServer[] }>('/servers');
    const server = servers.find(({ queue_priorities: queues }) => queue in queues);
    expect(server).toMatchObject({ host: hostname(), pid: process.pid, concurrency: 3, status: 'active' });
    const [worker] = server?.active_workers ?? [];
    expect(worker).toMatchObject({ task_id: 'runs', queue, task_type: 'x' });
    expect(Date.parse(worker?.start_time ?? '')).toBeGreaterThanOrEqual(before);
    const [task] = await mon.tasks(queue, 'active');
    expect(Date.parse(task?.start_time ?? '')).toBe(Date.parse(worker?.start_time ?? ''));
    release();
  });
});
