import { describe, expect, onTestFinished, test } from 'vitest';
import { aTask } from '../support/factories.ts';
import { settle } from '../support/fake-clock.ts';
import { forward, takeOne, type Bench, type Harness } from './harness.ts';

/** A wait for a signal that a test can observe. It is aborted when the test ends. */
interface Wait {
  /** Resolves when the wait has ended. */
  readonly done: Promise<unknown>;
  readonly isOver: boolean;
  abort(): void;
}

function watch(start: (signal: AbortSignal) => Promise<unknown>): Wait {
  const stop = new AbortController();
  let isOver = false;
  const done = start(stop.signal).then((result) => {
    isOver = true;
    return result;
  });
  onTestFinished(async () => {
    stop.abort();
    await done;
  });
  return {
    done,
    get isOver() {
      return isOver;
    },
    abort: () => stop.abort(),
  };
}

const work = ({ broker }: Bench, ...queues: string[]) =>
  watch((signal) => broker.signals.waitForWork(queues, signal));

const due = ({ broker }: Bench, queue: string, nextDueMs: number | null) =>
  watch((signal) => broker.signals.waitForDue([{ queue, nextDueMs }], signal));

/**
 * Resolves when a wake-up that is on its way would have arrived: two waits that started later have been woken by then.
 */
async function waitForWakeUps(bench: Bench): Promise<void> {
  for (const queue of ['probe-1', 'probe-2']) {
    const probe = work(bench, queue);
    await bench.broker.ping();
    await bench.broker.submit.enqueue([aTask({ queue })]);
    await probe.done;
  }
}

function working(harness: Harness): void {
  test('a wait ends at once if there are pending tasks already', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ queue: 'low' })]);
    await work(bench, 'high', 'low').done;
  });

  test('a wait ends with the first task', async () => {
    const bench = await harness.openBench();
    const wait = work(bench, 'high', 'low');
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    await bench.broker.submit.enqueue([aTask({ queue: 'low' })]);
    await wait.done;
  });

  test('a task enqueued right after the wait began is not missed', async () => {
    const bench = await harness.openBench();
    for (let round = 0; round < 20; round += 1) {
      const wait = work(bench, 'default');
      await bench.broker.submit.enqueue([aTask()]);
      await wait.done;
      await takeOne(bench);
    }
  });

  test('tasks in other queues and delayed tasks end no wait', async () => {
    const bench = await harness.openBench();
    const wait = work(bench, 'high');
    await bench.broker.submit.enqueue([aTask({ queue: 'low' }), aTask({ queue: 'high', delayMs: 60_000 })]);
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
  });

  test('a task ends all waits for its queue', async () => {
    const bench = await harness.openBench();
    const waits = Array.from({ length: 5 }, () => work(bench, 'default'));
    await waitForWakeUps(bench);
    await bench.broker.submit.enqueue([aTask()]);
    await Promise.all(waits.map(({ done }) => done));
  });

  test('a wait for a backlog ends when one is announced, but not when its queue has none', async () => {
    const bench = await harness.openBench();
    const wait = watch((signal) => bench.broker.signals.waitForBacklog(['high', 'low'], signal));
    await waitForWakeUps(bench);
    await bench.broker.signals.announceBacklog('low');
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    await bench.broker.submit.enqueue([aTask({ queue: 'low' })]);
    await bench.broker.signals.announceBacklog('low');
    await wait.done;
  });

  test('a paused queue ends no wait until it is resumed', async () => {
    const bench = await harness.openBench();
    await bench.broker.control.pause('default');
    await bench.broker.submit.enqueue([aTask()]);
    const wait = work(bench, 'default');
    await bench.broker.submit.enqueue([aTask()]);
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    await bench.broker.control.resume('default');
    await wait.done;
  });

  test('a task that becomes due ends a wait for work', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ delayMs: 1_000 })]);
    const wait = work(bench, 'default');
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    await bench.advance(1_000);
    await forward(bench);
    await wait.done;
  });

  test('a requeued task ends a wait for work', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask()]);
    const task = await takeOne(bench);
    const wait = work(bench, 'default');
    await waitForWakeUps(bench);
    await bench.broker.consume.exchange({
      finishes: [{ task, outcome: 'requeue' }],
      queues: [],
      room: 0,
      leaseMs: 10_000,
      worker: 'w',
    });
    await wait.done;
  });
}

function dues(harness: Harness): void {
  test('a first due time ends a wait, and one that is known already does not', async () => {
    const bench = await harness.openBench();
    const dueMs = bench.now() + 60_000;
    const waitForAny = due(bench, 'default', null);
    await waitForWakeUps(bench);
    expect(waitForAny.isOver).toBe(false);
    await bench.broker.submit.enqueue([aTask({ delayMs: 60_000 })]);
    await waitForAny.done;
    const waitForEarlier = due(bench, 'default', dueMs);
    await waitForWakeUps(bench);
    expect(waitForEarlier.isOver).toBe(false);
  });

  test('an earlier due time ends a wait, and a later one does not', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ delayMs: 60_000 })]);
    const wait = due(bench, 'default', bench.now() + 60_000);
    await bench.broker.submit.enqueue([aTask({ delayMs: 90_000 })]);
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    await bench.broker.submit.enqueue([aTask({ delayMs: 30_000 })]);
    await wait.done;
  });

  test('a wait ends at once if there is an earlier due time already', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ delayMs: 60_000 })]);
    await due(bench, 'default', bench.now() + 61_000).done;
    await due(bench, 'default', null).done;
  });

  test('a retry ends a wait, as a scheduled task does', async () => {
    const bench = await harness.openBench();
    await bench.broker.submit.enqueue([aTask({ id: 'later', delayMs: 60_000 }), aTask({ id: 'a' })]);
    const task = await takeOne(bench);
    const wait = due(bench, 'default', bench.now() + 60_000);
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    const error = { class: 'E', message: 'm' };
    const record = { number: 1, startedMs: 0, finishedMs: 1, outcome: 'failed' as const, error };
    await bench.broker.consume.exchange({
      finishes: [{ task, outcome: 'retry', delayMs: 5_000, countsAsFailure: true, record }],
      queues: [],
      room: 0,
      leaseMs: 10_000,
      worker: 'w',
    });
    await wait.done;
  });

  test('each of several queues is compared with its own known due time', async () => {
    const bench = await harness.openBench();
    const now = bench.now();
    const wait = watch((signal) =>
      bench.broker.signals.waitForDue(
        [
          { queue: 'a', nextDueMs: now + 1_000 },
          { queue: 'b', nextDueMs: null },
        ],
        signal,
      ),
    );
    await bench.broker.submit.enqueue([aTask({ queue: 'a', delayMs: 2_000 })]);
    await waitForWakeUps(bench);
    expect(wait.isOver).toBe(false);
    await bench.broker.submit.enqueue([aTask({ queue: 'b', delayMs: 9_000 })]);
    expect(await wait.done).toEqual(['b']);
    // A broker with a clock of its own must be asked.
    const next = bench.broker.signals.nextDueOf('b');
    if (next) expect(next).toEqual({ nextDueMs: now + 9_000, nextInMs: 9_000 });
  });
}

function cancels(harness: Harness): void {
  /** Listens for cancellations. `waitForCount` resolves to the IDs heard, when there are at least `count`. */
  async function listen({ broker }: Bench, signal = new AbortController().signal) {
    const heard: string[] = [];
    let wake = () => {};
    await broker.signals.onCancelled((id) => {
      heard.push(id);
      wake();
    }, signal);
    const waitForCount = async (count: number) => {
      while (heard.length < count) await new Promise<void>((resolve) => (wake = resolve));
      return heard;
    };
    return { heard, waitForCount };
  }

  test('a cancellation reaches every listener, one ID at a time', async () => {
    const bench = await harness.openBench();
    const listeners = [await listen(bench), await listen(bench)];
    await bench.broker.signals.cancel(['a', 'shop:b']);
    await bench.broker.signals.cancel([]);
    await bench.broker.signals.cancel(['c d']);
    for (const { waitForCount } of listeners)
      expect((await waitForCount(3)).sort()).toEqual(['a', 'c d', 'shop:b']);
  });

  test('a listener that has stopped hears nothing more, and a cancellation needs no listener', async () => {
    const bench = await harness.openBench();
    await bench.broker.signals.cancel(['unheard']);
    const stop = new AbortController();
    const [stopped, listening] = [await listen(bench, stop.signal), await listen(bench)];
    stop.abort();
    await bench.broker.signals.cancel(['x']);
    expect(await listening.waitForCount(1)).toEqual(['x']);
    expect(stopped.heard).toEqual([]);
    expect((await listen(bench, AbortSignal.abort())).heard).toEqual([]);
  });

  test('a closed broker refuses to cancel, and a new listener returns at once', async () => {
    const bench = await harness.openBench();
    await listen(bench);
    await bench.broker.close();
    await expect(bench.broker.signals.cancel(['a'])).rejects.toMatchObject({ code: 'broker-closed' });
    await listen(bench);
  });
}

export function signalsSuite(harness: Harness): void {
  describe('signals', () => {
    working(harness);
    dues(harness);
    cancels(harness);

    test('waits end when their signal aborts or has aborted already', async () => {
      const bench = await harness.openBench();
      const waits = [work(bench, 'default'), due(bench, 'default', null)];
      await waitForWakeUps(bench);
      for (const wait of waits) {
        expect(wait.isOver).toBe(false);
        wait.abort();
        await wait.done;
      }
      await bench.broker.signals.waitForWork(['default'], AbortSignal.abort());
      await bench.broker.signals.waitForDue([{ queue: 'default', nextDueMs: null }], AbortSignal.abort());
    });

    // Loops wait again and again: a wait that ended at once would keep the process from doing anything else.
    test('a wait on a closed broker lasts until its signal aborts', async () => {
      const bench = await harness.openBench();
      const before = work(bench, 'default');
      await bench.broker.close();
      await before.done;
      const { signals } = bench.broker;
      const backlog = watch((signal) => signals.waitForBacklog(['default'], signal));
      const waits = [work(bench, 'default'), due(bench, 'default', null), backlog];
      await settle();
      for (const wait of waits) {
        expect(wait.isOver).toBe(false);
        wait.abort();
        await wait.done;
      }
    });

    test('an aborted wait does not keep other waits from ending', async () => {
      const bench = await harness.openBench();
      const [aborted, other] = [work(bench, 'default'), work(bench, 'default')];
      await waitForWakeUps(bench);
      aborted.abort();
      await aborted.done;
      await bench.broker.submit.enqueue([aTask()]);
      await other.done;
    });
  });
}
