import { describe, expect, test } from 'vitest';
import {
  NonRetryableError,
  RevokeError,
  type EnqueueOptions,
  type Handler,
  type WorkerOptions,
} from '../../packages/engine/src/index.ts';
import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';

const FULL = '9223372036854775807';
const DAY_S = 86_400;

/** The promise of a handler that never ends. */
const NEVER = new Promise(() => {});
const fail = (text: string) => () => Promise.reject(new Error(text));

/** Stores `count` archived tasks `<prefix>1…` with scores from `score` on (KEYS archived, task prefix). */
const SEED_ARCHIVED = `
  for i = 1, tonumber(ARGV[1]) do
    local id = ARGV[2] .. i
    redis.call('ZADD', KEYS[1], ARGV[3] + i, id)
    redis.call('HSET', KEYS[2] .. id, 'msg', 'x', 'state', 'archived')
  end`;

describe('finishing tasks', () => {
  const bed = interopBed();

  /** Runs one task of type `x`, enqueued by us, to the end of its first attempt. */
  async function runOnce(
    queue: string,
    handler: Handler,
    { workerOptions = {}, ...options }: EnqueueOptions & { readonly workerOptions?: WorkerOptions } = {},
  ) {
    const { worker, events } = bed.worker({ queues: [queue], ...workerOptions });
    worker.handle('x', handler);
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await bed.client.enqueue('x', null, { queue, id: 'a', ...options });
    return end;
  }

  item('32 success without retention leaves nothing but one more processed task', async () => {
    const queue = bed.queue();
    expect(await runOnce(queue, () => {})).toMatchObject({ outcome: 'succeeded' });
    for (const key of ['active', 'lease', 't:a', 'completed']) {
      expect(await bed.ask('EXISTS', `asynq:{${queue}}:${key}`)).toBe(0);
    }
    expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 0 });
    const info = await bed.go().inspect('info', { queue });
    expect(info).toMatchObject({ Processed: 1, ProcessedTotal: 1, Failed: 0, FailedTotal: 0, Size: 0 });
  });

  item(
    '33 us → Go: success with retention keeps the task with its result until the retention is over',
    async () => {
      const queue = bed.queue();
      await runOnce(queue, () => 'the result', { retention: '10m' });
      const { completedAt } = await bed.message(queue, 'a');
      expect(nowS() - completedAt).toBeLessThanOrEqual(1);
      const score = (await bed.score(queue, 'completed', 'a')) ?? 0;
      expect(score - completedAt - 600).toBeGreaterThanOrEqual(0);
      expect(score - completedAt - 600).toBeLessThanOrEqual(1);
      expect(await bed.go().task(queue, 'a')).toMatchObject({
        state: 'completed',
        completedAtMs: completedAt * 1_000,
        result: Buffer.from('"the result"'),
      });
    },
  );

  item('33 Go → us: a task that Go completed is shown by us with its result', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await bed.client.enqueue('x', null, { queue, id: 'a', retention: '10m' });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { result: Buffer.from('done') } } });
    await until(async () => (await go.task(queue, 'a')).state === 'completed');
    const task = await bed.broker.inspect.task({ queue, id: 'a' });
    expect(task).toMatchObject({ state: 'completed', retried: 0 });
    expect(String(Buffer.from(task?.result ?? []))).toBe('done');
    expect(task?.expiresMs).toBe(((await bed.score(queue, 'completed', 'a')) ?? 0) * 1_000);
  });

  test('who waits for a task that a Go worker runs is woken with its result, or its last error', async () => {
    const queue = bed.queue();
    const good = bed.client.enqueueAndWait('x', null, { queue, wait: '20s' });
    const bad = bed.client.enqueueAndWait('bad', null, { queue, maxRetries: 0, wait: '20s' });
    const failed = expect(bad).rejects.toMatchObject({ code: 'task-failed' });
    const behaviours = { x: { result: Buffer.from('[1,2]') }, bad: { failTimes: 1 } };
    await bed.go().serve({ queues: { [queue]: 1 }, behaviours });
    expect(await good).toEqual([1, 2]);
    await failed;
  });

  item('34 Go → us: success releases the lock of a Go task, but only if the task still owns it', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const locks: string[] = [];
    for (const taskId of ['own', 'other', 'kept']) {
      const retentionMs = taskId === 'kept' ? 60_000 : 0;
      await go.enqueue({ queue, taskId, payload: taskId, uniqueMs: 60_000, retentionMs });
      locks.push(String(await bed.field(queue, taskId, 'unique_key')));
    }
    await expect(go.enqueue({ queue, payload: 'own', uniqueMs: 60_000 })).rejects.toThrow(
      'task already exists',
    );
    const [own = '', other = '', kept = ''] = locks;
    await bed.ask('SET', other, 'somebody else');
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    const ends = nextEvents(events, 'attempt.finished', 3);
    await worker.start();
    await ends;
    expect(await bed.ask('MGET', own, other, kept)).toEqual([null, 'somebody else', null]);
    await go.enqueue({ queue, taskId: 'again', payload: 'own', uniqueMs: 60_000 });
  });

  item(
    '35 the first failure leads to a retry with its error, and counts as processed and failed',
    async () => {
      const queue = bed.queue();
      const backoff = { kind: 'fixed', delay: 60_000, jitter: 0 } as const;
      const endS = nowS() + 60;
      await runOnce(queue, fail('it broke'), { backoff });
      const task = await bed.go().task(queue, 'a');
      expect(task).toMatchObject({ state: 'retry', retried: 1, lastErr: 'it broke' });
      expect(Math.abs(task.lastFailedAtMs / 1_000 - nowS())).toBeLessThanOrEqual(1);
      const score = (await bed.score(queue, 'retry', 'a')) ?? 0;
      expect(score - endS).toBeGreaterThanOrEqual(0);
      expect(score - endS).toBeLessThanOrEqual(2);
      expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 1 });
      expect(await bed.go().inspect('info', { queue })).toMatchObject({ Processed: 1, Failed: 1, Retry: 1 });
    },
  );

  item('37 us → Go: with n retries the handler runs n + 1 times, then the task is archived', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    let runs = 0;
    worker.handle('x', () => {
      runs += 1;
      throw new Error(`failure ${runs}`);
    });
    const archived = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'archived');
    await worker.start();
    const go = bed.go();
    const backoff = { kind: 'fixed', delay: 1, jitter: 0 } as const;
    await bed.client.enqueue('x', null, { queue, id: 'a', maxRetries: 2, backoff });
    await archived;
    expect(runs).toBe(3);
    const task = await go.task(queue, 'a');
    expect(task).toMatchObject({ state: 'archived', retried: 2, maxRetry: 2, lastErr: 'failure 3' });
    expect(Math.abs(((await bed.score(queue, 'archived', 'a')) ?? 0) - nowS())).toBeLessThanOrEqual(1);
  });

  item('37 both: attempts on either side use up the same retries', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a', maxRetry: 2 });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { do: 'fail', text: 'in Go' } } });
    await until(async () => (await go.task(queue, 'a')).state === 'retry');
    await go.stop();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', fail('with us'));
    const retried = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'failed');
    const archived = nextEvent(events, 'attempt.finished', ({ outcome }) => outcome === 'archived');
    await worker.start();
    await go.inspect('run', { queue, task: 'a' });
    await retried;
    expect(await go.task(queue, 'a')).toMatchObject({ state: 'retry', retried: 2, lastErr: 'with us' });
    await go.inspect('run', { queue, task: 'a' });
    await archived;
    expect(await go.task(queue, 'a')).toMatchObject({ state: 'archived', retried: 2 });
    expect(await bed.counters(queue)).toEqual({ processed: 3, failed: 3 });
  });

  item(
    '36 us → Go: an error that is no failure is retried without being counted, with its error',
    async () => {
      const queue = bed.queue();
      await runOnce(queue, fail('busy'), { workerOptions: { isFailure: () => false } });
      const task = await bed.go().task(queue, 'a');
      expect(task).toMatchObject({ state: 'retry', retried: 0, lastErr: 'busy' });
      expect(Math.abs(task.lastFailedAtMs - Date.now())).toBeLessThan(2_000);
      expect(await bed.counters(queue)).toEqual({ processed: 0, failed: 0 });
    },
  );

  item.each([true, false])('38 without retries the first failure archives, isFailure %s', async (failure) => {
    const queue = bed.queue();
    await runOnce(queue, fail('no'), { maxRetries: 0, workerOptions: { isFailure: () => failure } });
    expect(await bed.go().task(queue, 'a')).toMatchObject({ state: 'archived', retried: 0, lastErr: 'no' });
  });

  const wraps = (cause: Error) => new Error(`outer: ${cause.message}`, { cause });

  item('39 a non-retryable error archives the task at once, bare and wrapped', async () => {
    for (const error of [new NonRetryableError('hopeless'), wraps(new NonRetryableError('hopeless'))]) {
      const queue = bed.queue();
      await runOnce(queue, () => Promise.reject(error), { maxRetries: 9 });
      const expected = { state: 'archived', retried: 0, lastErr: error.message };
      expect(await bed.go().task(queue, 'a')).toMatchObject(expected);
    }
  });

  item('39 a revoked task is deleted, even with a retention; the error may be bare or wrapped', async () => {
    for (const error of [new RevokeError(), wraps(new RevokeError())]) {
      const queue = bed.queue();
      await runOnce(queue, () => Promise.reject(error), { maxRetries: 9, retention: '1h' });
      for (const key of ['t:a', 'active', 'lease', 'completed', 'retry', 'archived']) {
        expect(await bed.ask('EXISTS', `asynq:{${queue}}:${key}`)).toBe(0);
      }
      expect(await bed.counters(queue)).toEqual({ processed: 1, failed: 0 });
    }
  });

  item('40 onError is called once for each failed attempt, as the error handler of Go is', async () => {
    const [ours, theirs] = [bed.queue(), bed.queue()];
    const reported: string[] = [];
    const onError: WorkerOptions['onError'] = (_, { id }) => void reported.push(id);
    const { worker, events } = bed.worker({ queues: [ours], onError });
    worker
      .handle('fails', fail('no'))
      .handle('skips', () => Promise.reject(new NonRetryableError('no')))
      .handle('revokes', () => Promise.reject(new RevokeError()))
      .handle('slow', () => new Promise(() => {}))
      .handle('loses', ({ id }) => bed.ask('ZREM', `asynq:{${ours}}:lease`, id).then(() => NEVER))
      .handle('good', () => {});
    const types = ['fails', 'skips', 'revokes', 'slow', 'loses', 'good'];
    const ends = nextEvents(events, 'attempt.finished', types.length);
    await worker.start();
    for (const type of types) {
      const timeout = type === 'slow' ? '1s' : '1m';
      await bed.client.enqueue(type, null, { queue: ours, id: type, timeout, maxRetries: 0 });
    }
    await ends;
    expect(reported.sort()).toEqual(types.slice(0, -1).sort());
    const go = bed.go();
    const behaviours = {
      fails: { do: 'fail' },
      skips: { do: 'skip' },
      revokes: { do: 'revoke' },
      slow: { do: 'hang' },
    } as const;
    await go.serve({ queues: { [theirs]: 1 }, behaviours });
    for (const type of Object.keys(behaviours)) {
      await bed.client.enqueue(type, null, { queue: theirs, id: type, timeout: '1s' });
      await go.saw('failed', type);
    }
    expect(go.events.filter(({ event }) => event === 'failed')).toHaveLength(4);
  });

  item.each([
    [0, 15, 44],
    [1, 16, 74],
    [2, 31, 118],
  ])('41 after %i retries a worker in the profile of Asynq waits %i to %i s', async (n, leastS, mostS) => {
    for (const chance of [0, 0.5, 0.999]) {
      const queue = bed.queue();
      const workerOptions = { profile: 'asynq', runtime: { random: () => chance } } as const;
      const { worker, events } = bed.worker({ queues: [queue], ...workerOptions });
      worker.handle('x', fail('no'));
      const ends = nextEvents(events, 'attempt.finished', n + 1);
      await worker.start();
      const go = bed.go();
      await go.enqueue({ queue, taskId: 'a', maxRetry: 25 });
      for (let retried = 1; retried <= n; retried += 1) {
        await until(async () => (await go.task(queue, 'a')).retried === retried);
        await go.inspect('run', { queue, task: 'a' });
      }
      await ends;
      const delayS = ((await bed.score(queue, 'retry', 'a')) ?? 0) - nowS();
      expect(delayS).toBeGreaterThanOrEqual(leastS - 1);
      expect(delayS).toBeLessThanOrEqual(mostS + 1);
    }
  });

  item(
    '42 Go → us: after its timeout a task of Go is retried, and the signal of its handler is aborted',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      const { worker, events } = bed.worker({ queues: [queue] });
      let aborted = false;
      worker.handle('x', (_, { signal }) => {
        signal.addEventListener('abort', () => (aborted = true));
        return new Promise(() => {});
      });
      const end = nextEvent(events, 'attempt.finished');
      await worker.start();
      await go.enqueue({ queue, taskId: 'a', timeoutMs: 1_000 });
      const { runMs } = await end;
      expect(runMs).toBeGreaterThanOrEqual(999);
      expect(aborted).toBe(true);
      expect(await go.task(queue, 'a')).toMatchObject({
        state: 'retry',
        lastErr: 'context deadline exceeded',
      });
    },
  );

  item('46 us → Go: Go shows the text of a thrown error', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('throws', () => {
      throw new RangeError('out of range');
    });
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await bed.client.enqueue('throws', null, { queue, id: 'a' });
    await end;
    expect(await bed.go().task(queue, 'a')).toMatchObject({ state: 'retry', lastErr: 'out of range' });
  });

  item('47 us → Go: our result is stored in the task and shown in the list of completed tasks', async () => {
    const queue = bed.queue();
    await runOnce(queue, () => Buffer.from('raw bytes'), { retention: '1h' });
    const go = bed.go();
    expect(String((await go.task(queue, 'a')).result)).toBe('raw bytes');
    expect((await go.list(queue, 'completed')).map(({ result }) => String(result))).toEqual(['raw bytes']);
  });

  item('47 us → Go: a result that our handler sets is stored at once', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const during: unknown[] = [];
    await runOnce(
      queue,
      async (_, context) => {
        await context.setResult(Buffer.from('half way'));
        during.push(String((await go.task(queue, 'a')).result));
        during.push(String(await bed.field(queue, 'a', 'result')));
      },
      { retention: '1h' },
    );
    expect(during).toEqual(['half way', 'half way']);
    const [done] = await go.list(queue, 'completed');
    expect(String(done?.result)).toBe('half way');
  });

  async function seedArchived(
    queue: string,
    prefix: string,
    { count, fromS }: { count: number; fromS: number },
  ) {
    const keys = [`asynq:{${queue}}:archived`, `asynq:{${queue}}:t:`];
    await bed.ask('SADD', 'asynq:queues', queue);
    await bed.ask('EVAL', SEED_ARCHIVED, 2, ...keys, count, prefix, fromS);
  }

  item('49 the archive drops its oldest tasks beyond 9,999, with their hashes', async () => {
    const queue = bed.queue();
    await seedArchived(queue, 'old', { count: 9_999, fromS: nowS() - 50_000 });
    await runOnce(queue, fail('no'), { maxRetries: 0 });
    expect(await bed.ask('ZCARD', `asynq:{${queue}}:archived`)).toBe(9_999);
    expect(await bed.score(queue, 'archived', 'a')).not.toBeNull();
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:old1`)).toBe(0);
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:old2`)).toBe(1);
  });

  item('49 the archive drops tasks older than 90 days, even more than 8,000 of them', async () => {
    const queue = bed.queue();
    await seedArchived(queue, 'old', { count: 8_500, fromS: nowS() - 90 * DAY_S - 10_000 });
    await seedArchived(queue, 'young', { count: 5, fromS: nowS() - 90 * DAY_S + 3_600 });
    await runOnce(queue, fail('no'), { maxRetries: 0 });
    // The call that archived has dropped a bounded number of them; the janitor drops the others.
    const { worker } = bed.worker({ queues: [queue] });
    await worker.handle('x', fail('no')).start();
    await until(async () => (await bed.ask('ZCARD', `asynq:{${queue}}:archived`)) === 6);
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:old8500`)).toBe(0);
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:young1`)).toBe(1);
  });

  item('51 a total at its maximum restarts at 1; after a failure both totals do', async () => {
    const [good, bad] = [bed.queue(), bed.queue()];
    for (const queue of [good, bad]) {
      await bed.ask('MSET', `asynq:{${queue}}:processed`, FULL, `asynq:{${queue}}:failed`, FULL);
    }
    await runOnce(good, () => {});
    await runOnce(bad, fail('no'));
    expect(await bed.ask('MGET', `asynq:{${good}}:processed`, `asynq:{${good}}:failed`)).toEqual(['1', FULL]);
    expect(await bed.counters(bad)).toEqual({ processed: 1, failed: 1 });
    expect(await bed.go().inspect('info', { queue: bad })).toMatchObject({
      ProcessedTotal: 1,
      FailedTotal: 1,
    });
  });
});
