import { describe, expect } from 'vitest';
import type { Finish, LeasedTask } from '../../packages/engine/src/broker/consume.ts';
import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { finish } from '../../packages/engine/test/support/factories.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

describe('taking tasks', () => {
  const bed = interopBed();

  const exchange = async (queue: string, finishes: readonly Finish[] = [], room = 1) =>
    bed.broker.consume.exchange({ finishes, queues: [queue], room, leaseMs: 30_000, worker: 'w' });

  async function takeOne(queue: string): Promise<LeasedTask> {
    const [task] = (await exchange(queue)).tasks;
    if (!task) throw new Error('nothing was there to take');
    return task;
  }

  item(
    '30 taking a task moves its ID from the right of pending to the left of active, under a lease',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      for (const taskId of ['first', 'second', 'third']) await go.enqueue({ queue, taskId });
      await takeOne(queue);
      await takeOne(queue);
      expect(await bed.ask('LRANGE', `asynq:{${queue}}:active`, 0, -1)).toEqual(['second', 'first']);
      expect(await bed.ask('LRANGE', `asynq:{${queue}}:pending`, 0, -1)).toEqual(['third']);
      const score = (await bed.score(queue, 'lease', 'first')) ?? 0;
      expect(Math.abs(Math.floor(score) - nowS() - 30)).toBeLessThanOrEqual(1);
      expect(String(await bed.field(queue, 'first', 'state'))).toBe('active');
      expect(await bed.field(queue, 'first', 'pending_since')).toBeNull();
      expect((await go.list(queue, 'active')).map(({ id, isOrphaned }) => [id, isOrphaned])).toEqual([
        ['first', false],
        ['second', false],
      ]);
    },
  );

  item('31 Go → us: we take nothing from a queue that Go paused until Go resumes it', async () => {
    const [paused, open] = [bed.queue(), bed.queue()];
    const go = bed.go();
    await go.enqueue({ queue: paused, taskId: 'waits' });
    await go.inspect('pause', { queue: paused });
    const { worker, events } = bed.worker({ queues: [paused, open] });
    worker.handle('x', () => {});
    const others = nextEvents(events, 'attempt.finished', 5);
    await worker.start();
    for (let i = 0; i < 5; i += 1) await go.enqueue({ queue: open });
    expect((await others).map(({ task }) => task.queue)).toEqual(Array(5).fill(open));
    expect((await go.task(paused, 'waits')).state).toBe('pending');
    const then = nextEvent(events, 'attempt.finished');
    await go.inspect('unpause', { queue: paused });
    expect(await then).toMatchObject({ task: { id: 'waits' } });
  });

  item('31 us → Go: Go takes nothing from a queue that we paused until we resume it', async () => {
    const [paused, open] = [bed.queue(), bed.queue()];
    const go = bed.go();
    await bed.client.enqueue('x', null, { queue: paused, id: 'waits' });
    await bed.broker.control.pause(paused, 'for a test');
    await go.serve({ queues: { [paused]: 5, [open]: 1 } });
    for (let i = 0; i < 5; i += 1) await bed.client.enqueue('x', null, { queue: open });
    expect((await go.sawMany('started', 5)).map(({ queue }) => queue)).toEqual(Array(5).fill(open));
    await bed.broker.control.resume(paused);
    await go.saw('ended', 'waits');
  });

  item('30 a worker in the profile of Asynq has leases of 30 s', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue], profile: 'asynq' });
    worker.handle('x', () => new Promise(() => {}));
    const started = nextEvent(events, 'attempt.started');
    await worker.start();
    await bed.go().enqueue({ queue, taskId: 'a' });
    await started;
    const score = (await bed.score(queue, 'lease', 'a')) ?? 0;
    expect(Math.abs(Math.floor(score) - nowS() - 30)).toBeLessThanOrEqual(1);
  });

  item('43 Go → us: in the profile of Asynq a task past its deadline is not run, but retried', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a', deadlineMs: Date.now() - 10_000 });
    const { worker, events } = bed.worker({ queues: [queue], profile: 'asynq' });
    let called = false;
    worker.handle('x', () => void (called = true));
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await end;
    expect(called).toBe(false);
    const expected = { state: 'retry', retried: 1, lastErr: 'context deadline exceeded' };
    expect(await go.task(queue, 'a')).toMatchObject(expected);
    expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 1 });
  });

  item('48 Go → us: our handler sees the options that Go gave the task', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const { worker } = bed.worker({ queues: [queue] });
    const deadlineMs = (nowS() + 300) * 1_000;
    const seen = new Promise((resolve) =>
      worker.handle('x', ({ id, queue: from, type, retried, maxRetries, headers }, context) =>
        resolve({ id, from, type, retried, maxRetries, headers, deadlineMs: context.deadlineMs }),
      ),
    );
    await worker.start();
    await go.enqueue({ queue, taskId: 'a', maxRetry: 6, headers: { h: 'v' }, deadlineMs });
    const expected = { id: 'a', from: queue, type: 'x', retried: 0, maxRetries: 6, headers: { h: 'v' } };
    expect(await seen).toEqual({ ...expected, deadlineMs });
  });

  item('48 us → Go: a handler of Go sees the options that we gave the task', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const deadline = new Date((nowS() + 300) * 1_000);
    const options = { maxRetries: 6, headers: { h: 'v' }, deadline };
    await bed.client.enqueue('x', null, { queue, id: 'a', ...options });
    await go.serve({ queues: { [queue]: 1 } });
    expect(await go.saw('started', 'a')).toMatchObject({
      task: 'a',
      queue,
      type: 'x',
      retried: 0,
      maxRetry: 6,
      headers: { h: 'v' },
      deadlineMs: deadline.getTime(),
    });
  });

  item('50 a second end of the same attempt changes nothing and is refused', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', null, { queue, id: 'a', retention: '1h' });
    const task = await takeOne(queue);
    expect((await exchange(queue, [finish.succeeded(task)])).finished).toEqual(['accepted']);
    const before = await bed.ask('HGETALL', `asynq:{${queue}}:t:a`);
    expect((await exchange(queue, [finish.retry(task, 1)])).finished).toEqual(['lease-lost']);
    expect(await bed.ask('HGETALL', `asynq:{${queue}}:t:a`)).toEqual(before);
    expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 0 });
  });

  item('50 Go → us: our end of a task that a Go recoverer took changes nothing and is refused', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', null, { queue, id: 'a', retention: '1h' });
    const task = await takeOne(queue);
    await bed.ask('ZADD', `asynq:{${queue}}:lease`, 'XX', nowS() - 31, 'a');
    const go = bed.go();
    await go.serve({ queues: { [queue]: 1 } });
    await until(async () => (await go.task(queue, 'a')).state === 'retry');
    const before = await bed.ask('HGETALL', `asynq:{${queue}}:t:a`);
    expect((await exchange(queue, [finish.succeeded(task)])).finished).toEqual(['lease-lost']);
    expect(await bed.ask('HGETALL', `asynq:{${queue}}:t:a`)).toEqual(before);
    expect(await go.task(queue, 'a')).toMatchObject({ retried: 1, lastErr: 'asynq: task lease expired' });
  });

  item('50 us → Go: the end in Go of a task that we recovered changes nothing', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a', timeoutMs: 2_000, retentionMs: 600_000 });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { do: 'hang' } } });
    await go.saw('started', 'a');
    await go.quiet();
    await bed.ask('ZADD', `asynq:{${queue}}:lease`, 'XX', nowS() - 31, 'a');
    const { worker } = bed.worker({ queues: [queue] });
    await worker.handle('x', () => 'ours').start();
    // Like Asynq's recoverer ours schedules a retry. Its delay outlasts the attempt in Go.
    await until(async () => (await go.task(queue, 'a')).state === 'retry');
    const before = await bed.ask('HGETALL', `asynq:{${queue}}:t:a`);
    await go.saw('ended', 'a');
    await go.stop();
    expect(await bed.ask('HGETALL', `asynq:{${queue}}:t:a`)).toEqual(before);
    expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 1 });
    expect(await go.inspect('info', { queue })).toMatchObject({ Retry: 1, Active: 0, Completed: 0 });
  });

  item('46 us → Go: in the profile of Asynq Go shows that a type has no handler', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue], profile: 'asynq' });
    worker.handle('known', () => {});
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await bed.client.enqueue('no "such"', null, { queue, id: 'b' });
    await end;
    expect(await bed.go().task(queue, 'b')).toMatchObject({
      state: 'retry',
      lastErr: String.raw`handler not found for task "no \"such\""`,
    });
  });

  item(
    '46 us → Go: by our defaults a task of such a type is scheduled for Go, and a Go worker runs it',
    async () => {
      const queue = bed.queue();
      const { worker, events } = bed.worker({ queues: [queue] });
      worker.handle('known', () => {});
      const missing = nextEvent(events, 'handler.missing');
      await worker.start();
      await bed.client.enqueue('x', null, { queue, id: 'b', retention: '1h' });
      await missing;
      const go = bed.go();
      const shown = await until(async () => (await go.task(queue, 'b')).state === 'scheduled').then(() =>
        go.task(queue, 'b'),
      );
      expect(shown).toMatchObject({ lastErr: '', retried: 0 });
      await worker.stop();
      await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { result: Buffer.from('done') } } });
      await until(async () => (await go.task(queue, 'b')).state === 'completed');
      expect(await bed.broker.inspect.task({ queue, id: 'b' })).toMatchObject({
        state: 'completed',
        retried: 0,
        waitingFor: null,
      });
    },
  );
});
