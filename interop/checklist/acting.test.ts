import { describe, expect } from 'vitest';
import { nextEvent, nextEvents } from '../../packages/engine/test/support/next-event.ts';
import { interopBed, item, nowS, until } from '../support/bed.ts';
import { GO_STATES, goInAllStates, OUR_STATES, oursInAllStates } from '../support/states.ts';

/** The fields of Go's queue info that the tests compare; the names are Go's. */
interface GoQueueInfo {
  readonly Size: number;
  readonly Pending: number;
  readonly Active: number;
  readonly Scheduled: number;
  readonly Retry: number;
  readonly Archived: number;
  readonly Completed: number;
  readonly Processed: number;
  readonly Failed: number;
  readonly ProcessedTotal: number;
  readonly FailedTotal: number;
  readonly Paused: boolean;
  /** Nanoseconds. */
  readonly Latency: number;
  readonly MemoryUsage: number;
}

describe('inspector: changing tasks and queues', () => {
  const bed = interopBed();

  const info = (queue: string) => bed.go().inspect<GoQueueInfo>('info', { queue });
  const facts = async (queue: string) => {
    const [found] = await bed.broker.inspect.queueFacts([queue]);
    if (!found) throw new Error('no facts');
    return found;
  };

  async function expectSameFacts(queue: string): Promise<void> {
    const [theirs, ours] = [await info(queue), await facts(queue)];
    const { counts } = ours;
    expect(theirs).toMatchObject({
      Pending: counts.pending,
      Active: counts.active,
      Scheduled: counts.scheduled,
      Retry: counts.retry,
      Archived: counts.archived,
      // Go does not know cancelled tasks: it counts them as completed.
      Completed: counts.completed + counts.cancelled,
      ProcessedTotal: ours.processed,
      FailedTotal: ours.failed,
      Paused: ours.paused,
    });
  }

  item('84 us → Go: we run every task that Go sets to run, whatever its state was', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await oursInAllStates(bed, queue);
    await expect(go.inspect('run', { queue, task: 'active' })).rejects.toThrow('already running');
    await expect(go.inspect('run', { queue, task: 'pending' })).rejects.toThrow('already in pending');
    const ids = ['scheduled', 'retry', 'archived', 'completed', 'cancelled'];
    for (const id of ids) {
      await go.inspect('run', { queue, task: id });
      expect(await bed.broker.inspect.task({ queue, id })).toMatchObject({ id });
      expect((await go.task(queue, id)).state).toBe('pending');
    }
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('*', () => {});
    const ends = nextEvents(events, 'attempt.finished', ids.length + 1);
    await go.inspect('unpause', { queue });
    await worker.start();
    expect((await ends).map(({ task, outcome }) => `${task.id} ${outcome}`).sort()).toEqual(
      [...ids, 'pending'].map((id) => `${id} succeeded`).sort(),
    );
    const again = await bed.broker.inspect.task({ queue, id: 'completed' });
    expect(again).toMatchObject({ state: 'completed' });
    await expectSameFacts(queue);
  });

  item('85 us → Go: a task that Go archives is archived for us, too', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await oursInAllStates(bed, queue);
    await expect(go.inspect('archive', { queue, task: 'active' })).rejects.toThrow('cannot archive');
    await expect(go.inspect('archive', { queue, task: 'archived' })).rejects.toThrow('already archived');
    for (const id of ['pending', 'scheduled', 'retry', 'completed', 'cancelled']) {
      await go.inspect('archive', { queue, task: id });
      expect(await bed.broker.inspect.task({ queue, id })).toMatchObject({ state: 'archived', dueMs: null });
      expect(Math.abs(((await bed.score(queue, 'archived', id)) ?? 0) - nowS())).toBeLessThanOrEqual(1);
    }
    expect(await bed.broker.maintain.forward([{ queue, limit: 100 }])).toMatchObject([{ moved: 0 }]);
    await bed.broker.maintain.expire([{ queue, limit: 100 }]);
    await expectSameFacts(queue);
  });

  item('86 us → Go: a task that Go deletes is gone, and its ID is free', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await oursInAllStates(bed, queue);
    await expect(go.inspect('delete', { queue, task: 'active' })).rejects.toThrow('cannot delete');
    for (const id of OUR_STATES.filter((state) => state !== 'active')) {
      await go.inspect('delete', { queue, task: id });
      expect(await bed.broker.inspect.task({ queue, id })).toBeNull();
      await bed.client.enqueue('x', null, { queue, id, delay: '2h' });
    }
    await bed.broker.maintain.forward([{ queue, limit: 100 }]);
    await bed.broker.maintain.expire([{ queue, limit: 100 }]);
    expect(await info(queue)).toMatchObject({ Scheduled: 7, Active: 1, Size: 8 });
    await expectSameFacts(queue);
  });

  item('86 Go → us: a task that we remove is gone with its lock; an active task stays', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await goInAllStates(go, queue);
    await go.enqueue({ queue, taskId: 'unique', uniqueMs: 60_000 });
    const lock = String(await bed.field(queue, 'unique', 'unique_key'));
    const remove = (id: string) => bed.broker.control.remove({ queue, id });
    expect(await remove('active')).toEqual({ code: 'wrong-state', state: 'active' });
    for (const id of GO_STATES.filter((state) => state !== 'active')) {
      expect(await remove(id)).toEqual({ code: 'done', from: id });
      await expect(go.task(queue, id)).rejects.toThrow('task not found');
    }
    expect(await bed.ask('EXISTS', lock)).toBe(1);
    expect(await remove('unique')).toEqual({ code: 'done', from: 'pending' });
    expect(await bed.ask('EXISTS', lock)).toBe(0);
    expect(await info(queue)).toMatchObject({ Size: 1, Active: 1 });
  });

  item('87 us → Go: Go runs, archives and deletes all of our tasks of a state, and no others', async () => {
    const [queue, other] = [bed.queue(), bed.queue()];
    const go = bed.go();
    const fillBoth = async () => {
      for (const name of [queue, other]) {
        await bed.client.enqueueMany(
          Array.from({ length: 5 }, () => ({ task: 'x', queue: name, delay: '1h' as const })),
        );
      }
    };
    await fillBoth();
    expect(await go.inspect('runAll', { queue, state: 'scheduled' })).toBe(5);
    expect((await facts(queue)).counts).toMatchObject({ pending: 5, scheduled: 0 });
    expect(await go.inspect('archiveAll', { queue, state: 'pending' })).toBe(5);
    expect((await facts(queue)).counts).toMatchObject({ pending: 0, archived: 5 });
    expect(await go.inspect('deleteAll', { queue, state: 'archived' })).toBe(5);
    await fillBoth();
    expect(await go.inspect('archiveAll', { queue, state: 'scheduled' })).toBe(5);
    expect(await go.inspect('runAll', { queue, state: 'archived' })).toBe(5);
    expect(await go.inspect('deleteAll', { queue, state: 'pending' })).toBe(5);
    expect(await info(queue)).toMatchObject({ Size: 0 });
    expect(await info(other)).toMatchObject({ Size: 10, Scheduled: 10 });
    expect(await bed.ask('KEYS', `asynq:{${queue}}:t:*`)).toEqual([]);
    expect(await bed.broker.maintain.forward([{ queue, limit: 100 }])).toMatchObject([{ moved: 0 }]);
  });

  item('88 us → Go: our handler gets a payload that Go changed, with its headers', async () => {
    const queue = bed.queue();
    const go = bed.go();
    const headers = { h: 'v' };
    await bed.client.enqueue('x', { old: true }, { queue, id: 'a', delay: '1h', headers, retention: '1h' });
    const before = await bed.message(queue, 'a');
    await go.inspect('update', { queue, task: 'a', payload: Buffer.from('{"new":true}') });
    expect(await bed.message(queue, 'a')).toEqual({ ...before, payload: Buffer.from('{"new":true}') });
    await go.inspect('run', { queue, task: 'a' });
    const { worker } = bed.worker({ queues: [queue] });
    const seen = new Promise((resolve) =>
      worker.handle('x', (task) => resolve([task.payload, task.headers])),
    );
    await worker.start();
    expect(await seen).toEqual([{ new: true }, headers]);
  });

  item('89 both: a queue can be paused once and resumed once, no matter by which side', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await bed.client.enqueue('x', null, { queue });
    expect(await bed.broker.control.pause(queue)).toBe(true);
    expect(Math.abs(Number(await bed.ask('GET', `asynq:{${queue}}:paused`)) - nowS())).toBeLessThanOrEqual(1);
    await expect(go.inspect('pause', { queue })).rejects.toThrow('already paused');
    await go.inspect('unpause', { queue });
    expect(await bed.broker.control.resume(queue)).toBe(false);
    await go.inspect('pause', { queue });
    expect(await bed.broker.control.pause(queue)).toBe(false);
    expect(await facts(queue)).toMatchObject({ paused: true });
    expect(await bed.broker.control.resume(queue)).toBe(true);
    await expect(go.inspect('unpause', { queue })).rejects.toThrow('not paused');
  });

  item('90 us → Go: Go removes a queue of ours, and our next task registers it again', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await bed.client.enqueue('x', null, { queue, id: 'a' });
    await bed.client.enqueue('x', null, { queue, id: 'b', delay: '1h' });
    await expect(go.inspect('remove', { queue })).rejects.toThrow('queue is not empty');
    await bed.broker.consume.exchange({
      finishes: [],
      queues: [queue],
      room: 1,
      leaseMs: 60_000,
      worker: 'w',
    });
    await expect(go.inspect('remove', { queue, force: true })).rejects.toThrow(/active/);
    await bed.ask('DEL', `asynq:{${queue}}:active`, `asynq:{${queue}}:lease`, `asynq:{${queue}}:t:a`);
    await go.inspect('remove', { queue, force: true });
    expect(await bed.ask('KEYS', `asynq:{${queue}}:*`)).toEqual([]);
    expect(await bed.broker.inspect.queues()).not.toContain(queue);
    // The index of due times that we keep beside the queue must not bring the removed task back.
    expect(await bed.broker.maintain.forward([{ queue, limit: 100 }])).toMatchObject([{ moved: 0 }]);
    await until(async () => {
      await bed.client.enqueue('x', null, { queue });
      return ((await go.inspect<string[]>('queues')) ?? []).includes(queue);
    }, 500);
    expect((await info(queue)).Pending).toBeGreaterThan(0);
  });

  item('88 both: only a scheduled task takes a new payload', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', 'old', { queue, id: 'a' });
    const call = bed.go().inspect('update', { queue, task: 'a', payload: Buffer.from('new') });
    await expect(call).rejects.toThrow(/not in scheduled state/);
    expect(String((await bed.message(queue, 'a')).payload)).toBe('"old"');
  });

  item('84 Go → us: we run a task of a group that Go sets to run', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await go.enqueue({ queue, taskId: 'a', group: 'g' });
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('x', () => {});
    const end = nextEvent(events, 'attempt.finished');
    await worker.start();
    await go.inspect('run', { queue, task: 'a' });
    expect(await end).toMatchObject({ outcome: 'succeeded' });
    expect(await bed.ask('EXISTS', `asynq:{${queue}}:t:a`)).toBe(0);
  });
});
