import { expect, test } from 'vitest';
import type { Clock } from '@task-center/engine';
import { ServiceState } from './http/deps.ts';
import { stopInTime, type Stoppable } from './stop.ts';

/** A clock whose time passes by `pass` alone. */
function manualClock() {
  let nowMs = 0;
  const sleeps = new Set<{ readonly endMs: number; wake(): void }>();
  const clock: Pick<Clock, 'sleep'> = {
    sleep: (ms, signal) =>
      new Promise((resolve) => {
        const sleep = { endMs: nowMs + ms, wake: resolve };
        sleeps.add(sleep);
        signal?.addEventListener('abort', () => resolve());
        if (signal?.aborted) resolve();
      }),
  };
  return {
    clock,
    async pass(ms: number) {
      nowMs += ms;
      for (const sleep of [...sleeps].filter(({ endMs }) => endMs <= nowMs)) {
        sleeps.delete(sleep);
        sleep.wake();
      }
      // Whatever follows from it runs now.
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

/** Records in what order the parts are stopped, and how long each may drain. The request ends when `endRequest` is called. */
function parts() {
  const calls: string[] = [];
  let endRequest = () => {};
  const requestEnds = new Promise<void>((resolve) => (endRequest = resolve));
  const started: Stoppable = {
    http: {
      url: '',
      close(drainMs) {
        calls.push(`http ${drainMs}`);
        return requestEnds;
      },
    },
    worker: {
      start: () => Promise.resolve(),
      giveBack: () => Promise.resolve(),
      addQueue: () => {},
      onRulesChanged: () => {},
      stopTaking: () => void calls.push('takes nothing'),
      stop: (options) => {
        calls.push(`worker ${options?.timeoutMs}`);
        return Promise.resolve();
      },
    },
    broker: { close: async () => void calls.push('broker') },
  };
  return { started, calls, endRequest };
}

test('requests and callbacks end at the same time, under one grace, and the broker is closed last', async () => {
  const { started, calls, endRequest } = parts();
  const { clock, pass } = manualClock();
  const state = new ServiceState();
  const stopped = stopInTime(started, { timeoutMs: 8_000, unreadyMs: 0 }, { state, clock });
  await pass(0);
  expect(calls).toEqual(['takes nothing', 'http 7000', 'worker 7000']);
  expect(state.phase).toBe('stopping');
  endRequest();
  await stopped;
  expect(calls.at(-1)).toBe('broker');
});

test('at first it says that it is not ready, takes no callbacks and serves all requests; this is a part of the grace', async () => {
  const { started, calls, endRequest } = parts();
  const { clock, pass } = manualClock();
  const state = new ServiceState();
  const stopped = stopInTime(started, { timeoutMs: 10_000, unreadyMs: 4_000 }, { state, clock });
  await pass(3_999);
  expect(calls).toEqual(['takes nothing']);
  expect(state.phase).toBe('unready');
  await pass(1);
  expect(state.phase).toBe('stopping');
  expect(calls).toEqual(['takes nothing', 'http 5000', 'worker 5000']);
  endRequest();
  await stopped;
});

test('a short grace keeps a quarter for what is handed in at the end', async () => {
  const { started, calls, endRequest } = parts();
  const { clock, pass } = manualClock();
  const stopped = stopInTime(
    started,
    { timeoutMs: 1_000, unreadyMs: 0 },
    { state: new ServiceState(), clock },
  );
  await pass(0);
  expect(calls).toContain('worker 750');
  endRequest();
  await stopped;
});

test('what does not end in time ends the stop with an error', async () => {
  const { started } = parts();
  const { clock, pass } = manualClock();
  const stopped = stopInTime(
    started,
    { timeoutMs: 8_000, unreadyMs: 0 },
    { state: new ServiceState(), clock },
  );
  const refused = expect(stopped).rejects.toThrow(/did not stop within shutdown\.timeout \(8 s\)/);
  await pass(8_000);
  await refused;
});
