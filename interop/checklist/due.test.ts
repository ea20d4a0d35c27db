import { describe, expect } from 'vitest';
import { createMaintenance, createRuntime, Events } from '../../packages/engine/src/index.ts';
import { nextEvent } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

/** Stores `count` completed tasks `<prefix>1…` with the same expiry (KEYS completed, task prefix). */
const SEED_COMPLETED = `
  for i = 1, tonumber(ARGV[1]) do
    local id = ARGV[2] .. i
    redis.call('ZADD', KEYS[1], ARGV[3], id)
    redis.call('HSET', KEYS[2] .. id, 'msg', 'x', 'state', 'completed')
  end`;

describe('forwarding and expiry', () => {
  const bed = interopBed();

  const forward = (queue: string, limit = 256) => bed.broker.maintain.forward([{ queue, limit }]);
  const pending = (queue: string) => bed.ask('LRANGE', `asynq:{${queue}}:pending`, 0, -1);
  const pastS = (seconds: number) => (nowS() - seconds) * 1_000;

  item('67 Go → us: due tasks become pending in the order of their times; the others stay', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'was-there' });
    // Scheduled an hour ahead; later their scores are moved into the past.
    for (const taskId of ['s2', 's1', 'later', 'r1']) {
      await go.enqueue({ queue, taskId, type: taskId, processInMs: 3_600_000 });
    }
    await go.inspect('run', { queue, task: 'r1' });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { r1: { do: 'fail', text: 'no' } } });
    await until(async () => (await go.task(queue, 'r1')).state === 'retry');
    await until(async () => (await bed.ask('EXISTS', `asynq:{${queue}}:t:was-there`)) === 0);
    await go.stop();
    await go.enqueue({ queue, taskId: 'first' });
    const dueS = { s1: pastS(9) / 1_000, r1: pastS(8) / 1_000, s2: pastS(7) / 1_000 };
    await bed.ask('ZADD', `asynq:{${queue}}:scheduled`, 'XX', dueS.s1, 's1', dueS.s2, 's2');
    await bed.ask('ZADD', `asynq:{${queue}}:retry`, 'XX', dueS.r1, 'r1');
    expect(await forward(queue)).toMatchObject([{ moved: 3 }]);
    expect(await pending(queue)).toEqual(['s2', 'r1', 's1', 'first']);
    expect((await go.task(queue, 'later')).state).toBe('scheduled');
    for (const id of ['s1', 's2', 'r1']) {
      expect(String(await bed.field(queue, id, 'state'))).toBe('pending');
      const sinceMs = Number(String(await bed.field(queue, id, 'pending_since')).slice(0, 13));
      expect(Math.abs(Date.now() - sinceMs)).toBeLessThan(2_000);
    }
  });

  item('68 Go → us: more than 100 due tasks move in one round', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const ids = Array.from({ length: 600 }, (_, i) => `task-${i}`);
    await go.enqueueMany(ids.map((taskId) => ({ queue, taskId, processInMs: 3_600_000 })));
    const due = ids.flatMap((id, i) => [nowS() - 1_000 + i, id]);
    await bed.ask('ZADD', `asynq:{${queue}}:scheduled`, 'XX', ...due);
    const events = new Events();
    const moves: number[] = [];
    events.on('tasks.forwarded', ({ moved }) => void moves.push(moved));
    const runtime = createRuntime({ events });
    const maintenance = createMaintenance({ broker: bed.broker, queues: () => [queue], runtime });
    const startedMs = performance.now();
    maintenance.start();
    await until(async () => (await bed.ask('LLEN', `asynq:{${queue}}:pending`)) === ids.length, 5);
    expect(performance.now() - startedMs).toBeLessThan(900);
    await maintenance.stop();
    expect(await pending(queue)).toEqual(ids.toReversed());
  });

  item('69 Go → us: a due task with a group moves to its group, and the group is listed', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a', group: 'team: ä' });
    await go.inspect('run', { queue, task: 'a' });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { do: 'fail', text: 'no' } } });
    await until(async () => (await go.task(queue, 'a')).state === 'retry');
    await go.stop();
    await bed.ask('DEL', `asynq:{${queue}}:groups`);
    await bed.ask('ZADD', `asynq:{${queue}}:retry`, 'XX', nowS() - 1, 'a');
    expect(await forward(queue)).toMatchObject([{ moved: 1 }]);
    expect(await go.task(queue, 'a')).toMatchObject({ state: 'aggregating', group: 'team: ä' });
    expect(Math.abs(((await bed.score(queue, 'g:team: ä', 'a')) ?? 0) - nowS())).toBeLessThanOrEqual(1);
    expect(await bed.ask('SMEMBERS', `asynq:{${queue}}:groups`)).toEqual(['team: ä']);
    expect(await pending(queue)).toEqual([]);
  });

  item('70 Go → us: we run a task that Go scheduled when it is due', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    const started = nextEvent(events, 'attempt.started');
    await worker.start();
    const processAtMs = (nowS() + 2) * 1_000;
    await bed.go().enqueue({ queue, taskId: 'a', processAtMs });
    expect(await started).toMatchObject({ task: { id: 'a' } });
    expect(Date.now()).toBeGreaterThanOrEqual(processAtMs);
    expect(Date.now()).toBeLessThan(processAtMs + 1_500);
  });

  item('70 us → Go: Go runs a task that we scheduled when it is due, never early', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const { dueAt } = await bed.client.enqueue('x', null, { queue, id: 'a', delay: '1234ms' });
    await go.serve({ queues: { [queue]: 1 } });
    await go.saw('started', 'a');
    expect(Date.now()).toBeGreaterThanOrEqual(dueAt.getTime());
    // When Go forwards a task, our entry with its exact time stays behind. It must not start a new task with that ID.
    await go.saw('ended', 'a');
    await until(async () => (await bed.ask('EXISTS', `asynq:{${queue}}:t:a`)) === 0);
    await go.enqueue({ queue, taskId: 'a', processInMs: 3_600_000 });
    await forward(queue);
    expect((await go.task(queue, 'a')).state).toBe('scheduled');
  });

  item('70 us → Go: Go runs a retry that we decided when it is due', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => Promise.reject(new Error('with us')));
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    const backoff = { kind: 'fixed', delay: 1_500, jitter: 0 } as const;
    await bed.client.enqueue('x', null, { queue, id: 'a', backoff });
    await end;
    const failedMs = Date.now();
    await worker.stop();
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 } });
    expect(await go.saw('started', 'a')).toMatchObject({ retried: 1 });
    expect(Date.now() - failedMs).toBeGreaterThan(1_300);
  });

  async function seedCompleted(
    queue: string,
    prefix: string,
    { count, atS }: { count: number; atS: number },
  ) {
    const keys = [`asynq:{${queue}}:completed`, `asynq:{${queue}}:t:`];
    await bed.ask('EVAL', SEED_COMPLETED, 2, ...keys, count, prefix, atS);
  }

  item('71 completed tasks are deleted after their retention, even more than one batch of them', async () => {
    const queue = bed.queue();
    await seedCompleted(queue, 'old', { count: 700, atS: nowS() - 1 });
    await seedCompleted(queue, 'now', { count: 1, atS: nowS() });
    await seedCompleted(queue, 'kept', { count: 3, atS: nowS() + 600 });
    const runtime = createRuntime();
    const maintenance = createMaintenance({ broker: bed.broker, queues: () => [queue], runtime });
    maintenance.start();
    await until(async () => (await bed.ask('ZCARD', `asynq:{${queue}}:completed`)) === 3);
    await maintenance.stop();
    const left = (await bed.ask('KEYS', `asynq:{${queue}}:t:*`)) as string[];
    expect(left.length).toBe(3);
    expect(left.every((key) => key.includes(':kept'))).toBe(true);
  });

  item('71 us → Go: Go deletes a task that we completed after its retention', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue], maintenance: false });
    worker.handle('x', () => 'kept for a second');
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await bed.client.enqueue('x', null, { queue, id: 'a', retention: '1s' });
    await end;
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 } });
    await until(async () => (await bed.ask('EXISTS', `asynq:{${queue}}:t:a`)) === 0, 100);
    expect(await go.inspect('info', { queue })).toMatchObject({ Completed: 0, Size: 0 });
  });
});
