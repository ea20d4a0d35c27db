/// <reference types="node" preserve="true" />
// What programs use in their tests: the public names of `@task-center/engine/testing`.
import type { Duration } from '@task-center/model';
import type { Broker } from '../broker/broker.ts';
import { openMemoryBroker } from '../brokers/sqlite/memory/memory-broker.ts';
import { durationMs } from '../checks/duration.ts';
import { createOptionsCheck } from '../checks/options.ts';
import { abortSignal, checkOf, durationWithin, wholeNumber } from '../checks/values.ts';
import type { Log } from '../runtime/log.ts';
import { createRuntime, logOf, logOrFalse, type Runtime } from '../runtime/runtime.ts';
import { LiveLeases } from './live-leases.ts';
import { ManualClock } from './manual-clock.ts';
import { createRandom, createTestIds } from './random.ts';
import { RunningHandlers } from './running-handlers.ts';
import { Timeline } from './timeline.ts';

export interface TestBrokerOptions {
  /** The time at which the clock stands at first. Default: 2026-01-01T00:00:00Z. */
  readonly now?: Date;
  /** Decides what chance decides: jitter, IDs. A test with the same seed runs in the same way. Default 1. */
  readonly seed?: number;
  /** Where the broker and all who are given it write their lines, as `log` of `connect`. Default: standard error. */
  readonly log?: Log | false;
  /**
   * How long `advance` lets handlers work in real time while nothing else happens, up to 10 min; then it rejects. It should be shorter
   * than the time limit of your test runner. Default 2 s.
   */
  readonly maxHandlerWait?: Duration;
}

/** The time of a test broker and of all who are given it. It stands still until it is moved. */
export interface TestClock {
  now(): Date;
  /**
   * Moves time on. All that is due by then runs, in the order of its times: delays, retries, firings, leases and retentions that
   * end. Handlers are waited for. `advance(0)` runs what is due now.
   *
   * @throws TaskCenterError `test-broker-misused`: a handler works for too long, or calls it itself; an earlier call has not
   *   ended. `invalid-value`
   */
  advance(time: Duration): Promise<void>;
  /** Resolves when the time has moved on that far, or at once when the signal aborts: for handlers that take their time. */
  sleep(time: Duration, options?: SleepOptions): Promise<void>;
}

export interface SleepOptions {
  readonly signal?: AbortSignal;
}

/** A broker in memory, for tests. */
export interface TestBroker extends Broker {
  readonly clock: TestClock;
  readonly runtime: Partial<Runtime>;
}

const MAX_DATE_MS = 8.64e15;
const date = checkOf('a Date from 1970 on', (value) => {
  const ms = value instanceof Date ? value.getTime() : NaN;
  return ms >= 0 && ms < MAX_DATE_MS / 2;
});
const checkOptions = createOptionsCheck<TestBrokerOptions>('createTestBroker', {
  now: date,
  seed: wholeNumber(0, 2 ** 32 - 1),
  log: logOrFalse,
  maxHandlerWait: durationWithin({ min: '1ms', max: '10m' }),
});
const checkSleepOptions = createOptionsCheck<SleepOptions>('sleep', { signal: abortSignal });

const NAME = 'memory';
const FIRST_TIME = new Date('2026-01-01T00:00:00Z');
const MAX_HANDLER_WAIT: Duration = '2s';

/**
 * Makes an empty broker in memory, with a clock that stands still until the test moves it. It is for one test, or for one after
 * the other; clients, workers and schedulers are made as on any broker, and have its time. It needs no thread and no file, and
 * keeps no process from its end; `close` stops what runs on it.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function createTestBroker(options: TestBrokerOptions = {}): TestBroker {
  const { now = FIRST_TIME, seed = 1, log, maxHandlerWait = MAX_HANDLER_WAIT } = checkOptions(options);
  const clock = new ManualClock(now.getTime());
  const random = createRandom(seed);
  const ownRuntime = {
    clock: {
      wallMs: () => clock.wallMs(),
      monotonicMs: () => clock.monotonicMs(),
      sleep: (...args) => handlers.sleep(clock.sleep(...args)),
      after: (ms, act) => clock.after(ms, act),
      every: (ms, act) => clock.every(ms, act),
    },
    random,
    newId: createTestIds(clock, random),
    ...logOf(log),
  } satisfies Partial<Runtime>;
  const runtime = createRuntime(ownRuntime);
  const handlers: RunningHandlers = new RunningHandlers(NAME, runtime.log);
  const leases = new LiveLeases({
    extend: (...args) => store.calls.extendNow(...args),
    nowMs: () => clock.monotonicMs(),
  });
  const store = openMemoryBroker({ name: NAME, runtime, lifetime: handlers, leaseRenewal: leases });
  const maxWorkMs = durationMs(maxHandlerWait, 'maxHandlerWait');
  const timeline = new Timeline({ clock, handlers, leases, store, maxWorkMs });

  return {
    ...store.broker,
    runtime: ownRuntime,
    clock: {
      now: () => new Date(clock.wallMs()),
      advance: async (time) => timeline.advance(durationMs(time, 'time')),
      sleep: async (time, given = {}) =>
        ownRuntime.clock.sleep(durationMs(time, 'time'), checkSleepOptions(given).signal),
    },
    async close() {
      const closing = store.broker.close();
      await timeline.advanceUntil(closing);
      await closing;
    },
  };
}
