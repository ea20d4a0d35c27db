// Schedules on SQLite, and time that a test moves. Nothing is fired unless the test says so.
import { afterAll, beforeAll } from 'vitest';
import type { Broker } from '../../src/broker/broker.ts';
import type { LeasedTask } from '../../src/broker/consume.ts';
import type { ScheduleStore } from '../../src/broker/schedules.ts';
import { connectSqlite } from '../../src/brokers/sqlite/sqlite-broker.ts';
import { CalendarCache } from '../../src/firer/calendar-cache.ts';
import { createQueueLook } from '../../src/firer/look-at-queue.ts';
import { SpecCache } from '../../src/firer/spec-cache.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import type { EngineEvents } from '../../src/runtime/events.ts';
import { newUuid } from '../../src/runtime/ids.ts';
import { eachLevel } from '../../src/runtime/log.ts';
import { createRuntime } from '../../src/runtime/runtime.ts';
import type { ScheduleOptions } from '../../src/schedules/schedule-options.ts';
import { Schedules } from '../../src/schedules/schedules.ts';
import { finish } from './factories.ts';
import { tempFolder } from './temp.ts';

export const SECOND_MS = 1_000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
/** A Thursday. */
export const START_MS = Date.UTC(2026, 4, 14, 10);

const never = new AbortController().signal;

/** One queue with its schedules, and the time of a test. */
export class FiringBench {
  readonly broker: Broker;
  readonly queue: string;
  readonly fired: EngineEvents['schedule.fired'][] = [];
  readonly lines: string[] = [];
  readonly #clock: { nowMs: number };
  /** Fires what is due. */
  readonly fire: () => Promise<string[]>;
  readonly schedules: Schedules;
  readonly runtime: ReturnType<typeof createRuntime>;

  constructor(broker: Broker, queue: string, clock: { nowMs: number }) {
    this.broker = broker;
    this.queue = queue;
    this.#clock = clock;
    this.runtime = createRuntime({
      clock: { ...systemClock, wallMs: () => this.now, monotonicMs: () => this.now },
      newId: newUuid,
      log: eachLevel((level) => (_fields, message) => void this.lines.push(`${level} ${message}`)),
    });
    this.runtime.events.on('schedule.fired', (event) => void this.fired.push(event));
    this.schedules = new Schedules(broker, { runtime: this.runtime });
    this.fire = this.createScheduler();
  }

  get store(): ScheduleStore {
    return this.broker.schedules;
  }

  get now(): number {
    return this.#clock.nowMs;
  }

  advance(ms: number): void {
    this.#clock.nowMs += ms;
  }

  /** Puts a schedule `one` that fires each minute. */
  put(overrides: Partial<ScheduleOptions> & { readonly id?: string } = {}) {
    return this.schedules.put(this.aSchedule(overrides));
  }

  aSchedule({ task, ...overrides }: Partial<ScheduleOptions> = {}): ScheduleOptions {
    const times = overrides.every === undefined ? { cron: '* * * * *' } : {};
    return {
      id: this.queue,
      ...times,
      ...overrides,
      task: { task: 'report', payload: { a: 1 }, ...task, queue: this.queue },
    };
  }

  /** The history of the schedule, the newest first. */
  async history(): Promise<string[]> {
    const fires = await this.schedules.fires(this.queue, { limit: 100 });
    return fires.map(({ outcome, count }) => (count === 1 ? outcome : `${outcome} ${count}`));
  }

  /** Makes a scheduler of its own. It resolves to what it fires: texts such as `fired 60`, with seconds since the start. */
  createScheduler(over: Partial<ScheduleStore> = {}): () => Promise<string[]> {
    const { broker, runtime } = this;
    const schedules = { ...this.store, ...over };
    const calendars = new CalendarCache(broker, runtime.clock);
    const look = createQueueLook({ schedules, calendars, specs: new SpecCache(), runtime, log: runtime.log });
    return async () => {
      const before = this.fired.length;
      while ((await look(this.queue, never))?.nextLookInMs === 0);
      return this.fired
        .slice(before)
        .map(({ outcome, fireMs }) => `${outcome} ${(fireMs - START_MS) / SECOND_MS}`);
    };
  }

  /** Takes the tasks that are pending, as a worker. */
  async take(): Promise<readonly LeasedTask[]> {
    return (await this.broker.consume.exchange({ ...this.#exchange(100), finishes: [] })).tasks;
  }

  /** Takes the tasks that are pending, and ends them. */
  async runTasks(): Promise<number> {
    const tasks = await this.take();
    const finishes = tasks.map((task) => finish.succeeded(task));
    await this.broker.consume.exchange({ ...this.#exchange(0), finishes });
    return tasks.length;
  }

  #exchange(room: number) {
    return { queues: [this.queue], room, leaseMs: 15_000, worker: 'w' };
  }
}

/** One broker for the tests of a file. Each has a queue, with schedules of its own, and begins at `START_MS`. */
export function useFiring(): () => FiringBench {
  const clock = { nowMs: START_MS };
  let broker: Broker;
  let folder: Awaited<ReturnType<typeof tempFolder>>;
  let count = 0;
  beforeAll(async () => {
    folder = await tempFolder();
    broker = await connectSqlite({ path: folder.file('tasks.db'), nowMs: () => clock.nowMs });
  });
  afterAll(async () => {
    await broker.close();
    await folder.remove();
  });
  return () => {
    clock.nowMs = START_MS;
    count += 1;
    return new FiringBench(broker, `q${count}`, clock);
  };
}
