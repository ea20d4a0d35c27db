import { createHash } from 'node:crypto';
import { describe, expect } from 'vitest';
import { Inspector } from '../../packages/engine/src/index.ts';
import { nextEvent } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';
import { GO_STATES, goInAllStates } from '../support/states.ts';

const HOUR_MS = 3_600_000;
const md5 = (text: string) => createHash('md5').update(text).digest('hex');

/** Our inspector on tasks that Go stored. */
describe('inspector: ours', () => {
  const bed = interopBed();
  const inspector = () => new Inspector(bed.broker);

  item('79 Go → us: a queue that is not registered is unknown, even if its keys exist', async () => {
    const queue = bed.queue();
    await bed.go().enqueue({ queue, taskId: 'a' });
    await bed.ask('SREM', 'asynq:queues', queue);
    const address = { queue, id: 'a' };
    const calls = [
      inspector().queues.get(queue),
      inspector().queues.history(queue, 1),
      inspector().tasks.list(queue, 'pending'),
      inspector().tasks.get(address),
      inspector().tasks.run(address),
      inspector().tasks.archive(address),
      inspector().tasks.remove(address),
      inspector().tasks.updatePayload(address, 'x'),
      inspector().tasks.runAll(queue, 'retry'),
      inspector().tasks.archiveAll(queue, 'pending'),
      inspector().tasks.removeAll(queue, 'pending'),
      inspector().queues.remove(queue, { force: true }),
    ];
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'queue-not-found' });
    expect(await bed.ask('LLEN', `asynq:{${queue}}:pending`)).toBe(1);
  });

  item('81 both: our daily statistics equal those of Go, and fewer than one day is refused', async () => {
    const queue = bed.queue();
    await goInAllStates(bed.go(), queue);
    const yesterday = new Date(Date.now() - 24 * HOUR_MS).toISOString().slice(0, 10);
    await bed.ask('SET', `asynq:{${queue}}:processed:${yesterday}`, '7');
    const theirs = await bed
      .go()
      .inspect<{ Processed: number; Failed: number; Date: string }[]>('history', { queue, days: 3 });
    const ours = await inspector().queues.history(queue, 3);
    expect(ours).toEqual(
      theirs.map(({ Processed, Failed, Date }) => ({
        day: Date.slice(0, 10),
        processed: Processed,
        failed: Failed,
      })),
    );
    expect(ours.map(({ processed, failed }) => [processed, failed])).toEqual([
      [3, 2],
      [7, 0],
      [0, 0],
    ]);
    await expect(inspector().queues.history(queue, 0)).rejects.toMatchObject({ code: 'invalid-value' });
  });

  item(
    '84 Go → us: Go runs every task that we set to run, whatever its state was; active and pending are refused',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      await goInAllStates(go, queue);
      for (const state of ['scheduled', 'retry', 'archived', 'completed', 'aggregating'] as const) {
        await inspector().tasks.run({ queue, id: state });
        expect(await go.task(queue, state)).toMatchObject({ state: 'pending' });
      }
      expect(await bed.ask('SMEMBERS', `asynq:{${queue}}:groups`)).toEqual([]);
      for (const id of ['active', 'pending']) {
        await expect(inspector().tasks.run({ queue, id })).rejects.toMatchObject({ code: 'wrong-state' });
      }
      await go.kill();
      const other = bed.go();
      await other.serve({ queues: { [queue]: 1 } });
      for (const state of ['scheduled', 'retry', 'archived', 'completed', 'aggregating']) {
        await other.saw('ended', state);
      }
    },
  );

  item(
    '85 Go → us: a task that we archive is archived for Go, too; archived and active are refused',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      await goInAllStates(go, queue);
      const sinceS = nowS();
      for (const state of ['pending', 'scheduled', 'retry', 'completed', 'aggregating'] as const) {
        await inspector().tasks.archive({ queue, id: state });
        expect(await go.task(queue, state)).toMatchObject({ state: 'archived' });
        expect(await bed.score(queue, 'archived', state)).toBeGreaterThanOrEqual(sinceS);
      }
      for (const id of ['active', 'archived']) {
        await expect(inspector().tasks.archive({ queue, id })).rejects.toMatchObject({ code: 'wrong-state' });
      }
    },
  );

  item('86 Go → us: every state but active can be removed by our inspector', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await goInAllStates(go, queue);
    for (const id of GO_STATES.filter((state) => state !== 'active')) {
      await inspector().tasks.remove({ queue, id });
      expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:${id}`)).toBe(0);
    }
    await expect(inspector().tasks.remove({ queue, id: 'active' })).rejects.toMatchObject({
      code: 'wrong-state',
    });
    const payload = 'p';
    await go.enqueue({ queue, taskId: 'u', payload, uniqueMs: HOUR_MS });
    await inspector().tasks.remove({ queue, id: 'u' });
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:unique:x:${md5(payload)}`)).toBe(0);
  });

  item('87 Go → us: we run, archive and remove all of a state, and no others', async () => {
    const queue = bed.queue();
    const other = bed.queue();
    const go = bed.go();
    const later = { processInMs: HOUR_MS };
    await go.enqueue({ queue: other, taskId: 'other', ...later });
    const fill = async () => {
      for (const taskId of ['s1', 's2', 's3']) await go.enqueue({ queue, taskId, ...later });
      for (const taskId of ['g1', 'g2']) await go.enqueue({ queue, taskId, group: 'g' });
      await go.enqueue({ queue, taskId: 'h1', group: 'h' });
    };
    await fill();
    expect(await inspector().tasks.archiveAll(queue, 'scheduled')).toBe(3);
    expect(await inspector().tasks.archiveAll(queue, 'aggregating', { group: 'g' })).toBe(2);
    expect((await go.list(queue, 'archived')).map(({ id }) => id).sort()).toEqual([
      'g1',
      'g2',
      's1',
      's2',
      's3',
    ]);
    expect(await inspector().tasks.runAll(queue, 'archived')).toBe(5);
    expect(await inspector().tasks.archiveAll(queue, 'pending')).toBe(5);
    expect(await inspector().tasks.removeAll(queue, 'archived')).toBe(5);
    expect(await inspector().tasks.runAll(queue, 'aggregating', { group: 'h' })).toBe(1);
    expect(await inspector().tasks.removeAll(queue, 'pending')).toBe(1);
    expect(await bed.ask('SMEMBERS', `asynq:{${queue}}:groups`)).toEqual([]);
    await fill();
    expect(await inspector().tasks.runAll(queue, 'scheduled')).toBe(3);
    expect((await go.list(queue, 'pending')).map(({ id }) => id)).toEqual(['s1', 's2', 's3']);
    expect(await inspector().tasks.removeAll(queue, 'aggregating', { group: 'g' })).toBe(2);
    expect(await inspector().queues.groups(queue)).toEqual([{ group: 'h', size: 1 }]);
    expect(await go.inspect('info', { queue })).toMatchObject({ Size: 4, Pending: 3, Aggregating: 1 });
    expect(await go.task(other, 'other')).toMatchObject({ state: 'scheduled' });
  });

  item('88 Go → us: Go gets a payload that we changed, and everything else is unchanged', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const given = { headers: { h: 'v' }, maxRetry: 7, timeoutMs: 9_000, uniqueMs: HOUR_MS };
    await go.enqueue({ queue, taskId: 'a', payload: 'old', processInMs: HOUR_MS, ...given });
    const before = await go.task(queue, 'a');
    const lock = await bed.field(queue, 'a', 'unique_key');
    await inspector().tasks.updatePayload({ queue, id: 'a' }, Buffer.from('new'));
    expect(await go.task(queue, 'a')).toEqual({ ...before, payload: Buffer.from('new') });
    expect(await bed.field(queue, 'a', 'unique_key')).toEqual(lock);
    await inspector().tasks.run({ queue, id: 'a' });
    await go.serve({ queues: { [queue]: 1 } });
    expect(await go.saw('started', 'a')).toMatchObject({
      payload: Buffer.from('new'),
      headers: { h: 'v' },
    });
  });

  item('89 both: our inspector, too, refuses a second pause and a second resume', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a' });
    await inspector().queues.pause(queue);
    expect(Number(await bed.ask('GET', `asynq:{${queue}}:paused`)) - nowS()).toBeGreaterThan(-5);
    await expect(go.inspect('pause', { queue })).rejects.toThrow('already paused');
    await expect(inspector().queues.pause(queue)).rejects.toMatchObject({ code: 'pause-unchanged' });
    await inspector().queues.resume(queue);
    await expect(inspector().queues.resume(queue)).rejects.toMatchObject({ code: 'pause-unchanged' });
  });

  item('90 Go → us: we remove a queue of Go with everything in it, unless a task is active', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await goInAllStates(go, queue);
    await go.enqueue({ queue, taskId: 'u', payload: 'p', uniqueMs: HOUR_MS });
    await expect(inspector().queues.remove(queue)).rejects.toMatchObject({ code: 'queue-not-empty' });
    await expect(inspector().queues.remove(queue, { force: true })).rejects.toMatchObject({
      code: 'queue-not-empty',
    });
    await go.stop();
    await until(async () => (await bed.ask('LLEN', `asynq:{${queue}}:active`)) === 0);
    await inspector().queues.remove(queue, { force: true });
    expect(await bed.ask('SISMEMBER', 'asynq:queues', queue)).toBe(0);
    const left = (await bed.ask('KEYS', `*{${queue}}*`)) as string[];
    // Receipts of our calls stay for a few minutes.
    expect(left.filter((key) => !key.startsWith(`tc:{${queue}}:rc:`))).toEqual([]);
  });

  item('91 Go → us: an active task of Go is orphaned once its lease has expired', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a' });
    await go.serve({ queues: { [queue]: 1 }, behaviours: { x: { do: 'block' } } });
    await go.saw('started', 'a');
    expect(await inspector().tasks.get({ queue, id: 'a' })).toMatchObject({
      state: 'active',
      orphaned: false,
    });
    await go.kill();
    await bed.ask('ZADD', `asynq:{${queue}}:lease`, nowS() - 1, 'a');
    const { tasks } = await inspector().tasks.list(queue, 'active');
    expect(tasks).toMatchObject([{ id: 'a', orphaned: true }]);
  });

  item(
    '92 both: our estimate of the memory is close to that of Go; an ID without a task does no harm',
    async () => {
      const queue = bed.queue();
      const go = bed.go();
      for (let i = 0; i < 50; i += 1) await go.enqueue({ queue, taskId: `t${i}`, payload: 'x'.repeat(500) });
      for (let i = 0; i < 10; i += 1) await go.enqueue({ queue, taskId: `g${i}`, group: 'g' });
      const { MemoryUsage } = await go.inspect<{ MemoryUsage: number }>('info', { queue });
      const { memoryUsage } = await inspector().queues.get(queue);
      expect(memoryUsage).toBeGreaterThan(0.7 * MemoryUsage);
      expect(memoryUsage).toBeLessThan(1.4 * MemoryUsage);
      await bed.ask('LPUSH', `asynq:{${queue}}:pending`, 'ghost');
      await bed.ask('ZADD', `asynq:{${queue}}:retry`, '1', 'ghost2');
      expect((await inspector().queues.get(queue)).memoryUsage).toBeGreaterThan(0.5 * MemoryUsage);
    },
  );

  item('93 both: names and sizes of groups are the same', async () => {
    const queue = bed.queue();
    const go = bed.go();
    for (const [i, group] of ['a:1', 'a:1', ' b Ä ', 'a:1'].entries()) {
      if (i % 2 === 0) await go.enqueue({ queue, taskId: `t${i}`, group });
      else await bed.client.enqueue('x', null, { queue, id: `t${i}`, group });
    }
    const theirs = await go.inspect<{ Group: string; Size: number }[]>('groups', { queue });
    const ours = await inspector().queues.groups(queue);
    expect(ours).toEqual([
      { group: ' b Ä ', size: 1 },
      { group: 'a:1', size: 3 },
    ]);
    expect(
      theirs.map(({ Group, Size }) => ({ group: Group, size: Size })).sort((a, b) => a.size - b.size),
    ).toEqual(ours);
  });

  item('88 us → Go: we change the payload of a scheduled task of ours, and our handler gets it', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', { n: 1 }, { queue, id: 'a', delay: '1h' });
    await inspector().tasks.updatePayload({ queue, id: 'a' }, { n: 2 });
    expect(String((await bed.go().task(queue, 'a')).payload)).toBe('{"n":2}');
    const { worker, events } = bed.worker({ queues: [queue] });
    const seen: unknown[] = [];
    worker.handle('x', ({ payload }) => void seen.push(payload));
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await inspector().tasks.run({ queue, id: 'a' });
    await end;
    expect(seen).toEqual([{ n: 2 }]);
  });
});
