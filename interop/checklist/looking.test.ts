import { describe, expect } from 'vitest';
import type { ListedState, TaskRecord } from '../../packages/engine/src/index.ts';
import { nextEvents } from '../../packages/engine/test/support/next-event.ts';
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

const PAGE = 10;

describe('inspector: reading tasks and queues', () => {
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

  item('78 us → Go: Go and we count the same numbers of our tasks', async () => {
    const queue = bed.queue();
    await oursInAllStates(bed, queue);
    expect((await facts(queue)).counts).toEqual({
      scheduled: 1,
      pending: 1,
      active: 1,
      aggregating: 1,
      retry: 1,
      completed: 1,
      cancelled: 1,
      archived: 1,
    });
    await expectSameFacts(queue);
    expect(await info(queue)).toMatchObject({ Size: 8, Paused: true, Processed: 3, Failed: 2 });
  });

  item('78 Go → us: Go and we count the same numbers of tasks of Go', async () => {
    const queue = bed.queue();
    await goInAllStates(bed.go(), queue);
    await expectSameFacts(queue);
    expect(await facts(queue)).toMatchObject({ processed: 3, failed: 2, paused: false });
  });

  item('80 both: the age of the oldest pending task is the same; an empty queue has none', async () => {
    const queue = bed.queue();
    await bed.client.enqueue('x', null, { queue, id: 'a' });
    await until(async () => ((await facts(queue)).oldestPendingMs ?? 0) > 1_000, 100);
    await bed.client.enqueue('x', null, { queue, id: 'b' });
    const [ours, theirs] = [(await facts(queue)).oldestPendingMs ?? 0, (await info(queue)).Latency / 1e6];
    expect(ours).toBeGreaterThan(1_000);
    expect(Math.abs(theirs - ours)).toBeLessThan(500);
    await bed.go().inspect('deleteAll', { queue, state: 'pending' });
    expect((await facts(queue)).oldestPendingMs).toBeNull();
    expect((await info(queue)).Latency).toBe(0);
  });

  item('81 us → Go: the daily statistics of Go show what we processed', async () => {
    const queue = bed.queue();
    const { worker, events } = bed.worker({ queues: [queue] });
    worker.handle('ok', () => {}).handle('bad', () => Promise.reject(new Error('no')));
    const ends = nextEvents(events, 'attempt.finished', 3);
    await worker.start();
    for (const type of ['ok', 'bad', 'ok']) await bed.client.enqueue(type, null, { queue });
    await ends;
    const days = await bed.go().inspect<object[]>('history', { queue, days: 3 });
    expect(days).toMatchObject([
      { Processed: 3, Failed: 1 },
      { Processed: 0, Failed: 0 },
      { Processed: 0, Failed: 0 },
    ]);
  });

  /** Stores 25 tasks in one state; pending and scheduled ones come from both sides. */
  async function fill(queue: string, state: ListedState): Promise<void> {
    const go = bed.go();
    const ids = Array.from({ length: 25 }, (_, i) => `task-${(i * 7) % 25}`);
    if (state === 'pending' || state === 'scheduled') {
      for (const [i, id] of ids.entries()) {
        // Due times are seconds apart: within one second Go sorts by ID, and we sort by the exact time.
        const later = state === 'scheduled' ? 600 + ((i * 11) % 25) * 3 : 0;
        if (i % 2 === 0) await go.enqueue({ queue, taskId: id, processInMs: later * 1_000 });
        else await bed.client.enqueue('x', null, { queue, id, delay: `${later}s` });
      }
      return;
    }
    const { worker, events } = bed.worker({ queues: [queue], concurrency: 1 });
    worker.handle('x', () => (state === 'completed' ? 'done' : Promise.reject(new Error('no'))));
    const ends = nextEvents(events, 'attempt.finished', ids.length);
    await worker.start();
    for (const [i, id] of ids.entries()) {
      const maxRetries = state === 'archived' ? 0 : 5;
      const backoff = { kind: 'fixed', delay: 60_000 + ((i * 11) % 25) * 3_000, jitter: 0 } as const;
      const retention = state === 'completed' ? (`${600 + ((i * 11) % 25) * 3}s` as const) : '0s';
      await bed.client.enqueue('x', null, { queue, id, maxRetries, backoff, retention });
    }
    await ends;
    await worker.stop();
  }

  async function ourPages(queue: string, state: ListedState): Promise<TaskRecord[][]> {
    const pages: TaskRecord[][] = [];
    let cursor: string | null = null;
    do {
      const page = await bed.broker.inspect.list({ queue, state, limit: PAGE, cursor });
      pages.push([...page.tasks]);
      cursor = page.cursor;
    } while (cursor !== null);
    return pages;
  }

  for (const state of ['pending', 'scheduled', 'retry', 'archived', 'completed'] as const) {
    item(`82 both: the pages of ${state} tasks are the same`, async () => {
      const queue = bed.queue();
      await fill(queue, state);
      const go = bed.go();
      const ours = await ourPages(queue, state);
      expect(ours.map((page) => page.length)).toEqual([10, 10, 5]);
      for (const [i, page] of ours.entries()) {
        const theirs = await go.list(queue, state, { page: i + 1, size: PAGE });
        expect(theirs.map(({ id }) => id)).toEqual(page.map(({ id }) => id));
        expect(theirs.map(({ result, lastErr }) => [String(result), lastErr])).toEqual(
          page.map(({ result, lastError }) => [String(Buffer.from(result ?? [])), lastError?.message ?? '']),
        );
      }
      expect(await go.list(queue, state, { page: 4, size: PAGE })).toEqual([]);
    });
  }

  item('83 us → Go: Go shows state, next start and result of a task of ours', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await oursInAllStates(bed, queue);
    for (const id of OUR_STATES) {
      const task = await go.task(queue, id);
      expect(task.state).toBe(id === 'cancelled' ? 'completed' : id);
      const score = id === 'scheduled' || id === 'retry' ? await bed.score(queue, id, id) : null;
      if (score !== null) expect(task.nextProcessAtMs).toBe(score * 1_000);
      else if (id !== 'pending') expect(task.nextProcessAtMs).toBe(0);
    }
    await expect(go.task(queue, 'nobody')).rejects.toThrow('task not found');
    await expect(go.task('nowhere', 'nobody')).rejects.toThrow('queue not found');
  });

  item('83 Go → us: we show state, next start and error of a task of Go', async () => {
    const queue = bed.queue();
    const go = bed.go();
    await goInAllStates(go, queue);
    for (const id of GO_STATES) {
      const [ours, theirs] = [await bed.broker.inspect.task({ queue, id }), await go.task(queue, id)];
      expect(ours).toMatchObject({ state: id, type: theirs.type, retried: theirs.retried, headers: {} });
      expect(ours?.dueMs ?? 0).toBe(id === 'pending' ? 0 : theirs.nextProcessAtMs);
      expect(ours?.lastError?.message ?? '').toBe(theirs.lastErr);
    }
    expect(await bed.broker.inspect.task({ queue, id: 'nobody' })).toBeNull();
  });

  item('91 us → Go: an active task of ours is orphaned for Go once its lease has expired', async () => {
    const queue = bed.queue();
    const go = bed.go();
    for (const id of ['a', 'b']) await bed.client.enqueue('x', null, { queue, id });
    await bed.broker.consume.exchange({
      finishes: [],
      queues: [queue],
      room: 1,
      leaseMs: 900_000,
      worker: 'w',
    });
    await bed.broker.consume.exchange({ finishes: [], queues: [queue], room: 1, leaseMs: 500, worker: 'w' });
    await until(async () => ((await bed.score(queue, 'lease', 'b')) ?? 0) + 1 <= nowS(), 100);
    expect((await go.list(queue, 'active')).map(({ id, isOrphaned }) => [id, isOrphaned])).toEqual([
      ['a', false],
      ['b', true],
    ]);
  });

  item('92 us → Go: Go estimates the memory of our tasks', async () => {
    const queue = bed.queue();
    const payload = 'x'.repeat(1_000);
    await bed.client.enqueueMany(Array.from({ length: 100 }, () => ({ task: 'x', payload, queue })));
    const { MemoryUsage } = await info(queue);
    expect(MemoryUsage).toBeGreaterThan(100 * 1_000);
    expect(MemoryUsage).toBeLessThan(100 * 3_000);
  });
});
