import { describe, expect, onTestFinished, test } from 'vitest';
import type { Finish, LeasedTask } from '../../src/broker/consume.ts';
import { aTask, finish, manyTasks } from '../support/factories.ts';
import { end, forward, LEASE_OVER_MS, take, takeOne, type Bench, type Harness } from './harness.ts';

/** A wait for the end of a task of the queue `default`. It is aborted when the test ends. */
function waitForEnd({ broker }: Bench, id: string) {
  const stop = new AbortController();
  const wait = {
    isOver: false,
    abort: () => stop.abort(),
    done: broker.signals
      .waitForEnd({ queue: 'default', id }, stop.signal)
      .then(() => void (wait.isOver = true)),
  };
  onTestFinished(async () => {
    stop.abort();
    await wait.done;
  });
  return wait;
}

/** Resolves when a wake-up that is on its way would have arrived. */
async function waitForWakeUps(bench: Bench): Promise<void> {
  for (const id of ['probe-1', 'probe-2']) {
    await bench.broker.submit.enqueue([aTask({ id })]);
    const probe = waitForEnd(bench, id);
    await bench.broker.ping();
    await bench.broker.control.remove({ queue: 'default', id });
    await probe.done;
  }
}

/** Ends the task `a`, which a worker holds, or which waits where the name says so. */
const ENDS: Readonly<Record<string, (bench: Bench, task: LeasedTask) => Promise<unknown>>> = {
  'succeeds and is kept': (bench, task) => end(bench, finish.succeeded(task)),
  'succeeds and is removed': (bench, task) => end(bench, finish.succeeded(task)),
  'fails for good': (bench, task) => end(bench, finish.archive(task)),
  'is revoked': (bench, task) => end(bench, finish.revoked(task)),
  async 'is cancelled while it runs'(bench, task) {
    await bench.broker.control.cancel({ queue: 'default', id: 'a' }, {});
    await end(bench, finish.retry(task, 0));
  },
  async 'is cancelled while it waits'(bench, task) {
    await end(bench, finish.requeue(task));
    await bench.broker.control.cancel({ queue: 'default', id: 'a' }, {});
  },
  async 'is removed'(bench, task) {
    await end(bench, finish.requeue(task));
    await bench.broker.control.remove({ queue: 'default', id: 'a' });
  },
  async 'is removed with all that wait'(bench, task) {
    await end(bench, finish.requeue(task));
    const step = { queue: 'default', state: 'pending', action: 'remove', limit: 256 } as const;
    await bench.broker.control.changeMany(step);
  },
  async 'is archived'(bench, task) {
    await end(bench, finish.requeue(task));
    await bench.broker.control.archive({ queue: 'default', id: 'a' });
  },
  async 'is lost with its worker once too often'(bench) {
    const steps = [{ queue: 'default', limit: 256 }];
    for (let n = 0; n < 6; n += 1) {
      await bench.recoverAfter(LEASE_OVER_MS, steps);
      await take(bench);
    }
  },
};

/** What happens to a task that has not ended. */
const STEPS: readonly ((task: LeasedTask) => Finish)[] = [
  finish.requeue,
  (task) => finish.retry(task, 1_000),
  (task) => finish.defer(task, 1_000),
];

/** Waiting for the end of single tasks. */
export function taskEndsSuite(harness: Harness): void {
  describe('a wait for the end of a task', () => {
    test.each(Object.entries(ENDS))('ends when it %s', async (how, endTask) => {
      const bench = await harness.openBench();
      const retentionMs = how.includes('kept') ? 60_000 : 0;
      await bench.broker.submit.enqueue([aTask({ id: 'a', retentionMs })]);
      const task = await takeOne(bench);
      const waits = [waitForEnd(bench, 'a'), waitForEnd(bench, 'a')];
      await waitForWakeUps(bench);
      expect(waits.map(({ isOver }) => isOver)).toEqual([false, false]);
      await endTask(bench, task);
      await Promise.all(waits.map(({ done }) => done));
    });

    test('ends at once if it has ended, is gone, or never was', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([
        aTask({ id: 'kept', retentionMs: 60_000 }),
        aTask({ id: 'gone' }),
        aTask({ id: 'dead' }),
      ]);
      const [kept, gone, dead] = await take(bench);
      await end(bench, finish.succeeded(kept!), finish.succeeded(gone!), finish.archive(dead!));
      for (const id of ['kept', 'gone', 'dead', 'never']) await waitForEnd(bench, id).done;
    });

    test('goes on while the task starts, is given back, retried or deferred', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([aTask({ id: 'a', delayMs: 1_000 })]);
      const wait = waitForEnd(bench, 'a');
      for (const step of STEPS) {
        await bench.advance(1_000);
        await forward(bench);
        await end(bench, step(await takeOne(bench)));
        await waitForWakeUps(bench);
        expect(wait.isOver).toBe(false);
      }
    });

    test('is not missed if the task ends right after the wait began', async () => {
      const bench = await harness.openBench();
      for (let round = 0; round < 20; round += 1) {
        await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
        const task = await takeOne(bench);
        const wait = waitForEnd(bench, 'a');
        await end(bench, finish.succeeded(task));
        await wait.done;
      }
    });

    test('ends for each of many tasks, and not before its own has ended', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue(manyTasks(200, 't'));
      const waits = Array.from({ length: 200 }, (_, i) => waitForEnd(bench, `t${i}`));
      const tasks = await take(bench, { room: 200 });
      await end(bench, ...tasks.slice(0, 100).map((task) => finish.succeeded(task)));
      await Promise.all(waits.slice(0, 100).map(({ done }) => done));
      await waitForWakeUps(bench);
      expect(waits.filter(({ isOver }) => isOver)).toHaveLength(100);
      await end(bench, ...tasks.slice(100).map((task) => finish.archive(task)));
      await Promise.all(waits.map(({ done }) => done));
    });

    test('ends by its signal, and keeps no other wait from ending', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
      const [aborted, other] = [waitForEnd(bench, 'a'), waitForEnd(bench, 'a')];
      await waitForWakeUps(bench);
      aborted.abort();
      await aborted.done;
      expect(other.isOver).toBe(false);
      await end(bench, finish.succeeded(await takeOne(bench)));
      await other.done;
      await bench.broker.signals.waitForEnd({ queue: 'default', id: 'a' }, AbortSignal.abort());
    });

    test('ends when the broker is closed; a later one lasts until its signal aborts', async () => {
      const bench = await harness.openBench();
      await bench.broker.submit.enqueue([aTask({ id: 'a' })]);
      const wait = waitForEnd(bench, 'a');
      await waitForWakeUps(bench);
      await bench.broker.close();
      await wait.done;
      const later = waitForEnd(bench, 'a');
      later.abort();
      await later.done;
    });
  });
}
