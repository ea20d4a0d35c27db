import { fileURLToPath } from 'node:url';
import type { EnqueueOptions, ScheduleOptions, WorkerOptions } from '@task-center/engine';
import {
  launchProgram,
  type LaunchOptions,
  type Program,
} from '../../packages/engine/test/support/program.ts';
import { History, until, type Does, type Line } from './history.ts';

/** What a process enqueues, until it is stopped or has enqueued `count` tasks. */
export interface ProduceOptions {
  /** Tasks per second. Default 100. */
  readonly perSecond?: number;
  /** Number of tasks. Default: unlimited, or one of each of `tasks`. */
  readonly count?: number;
  /** Enqueues these in turn. Default: a random mix. */
  readonly tasks?: readonly { readonly payload?: Does; readonly options?: Partial<EnqueueOptions> }[];
  readonly mix?: {
    /** Range of the handlers' duration, ms. Default 5 to 200. */
    readonly ms?: readonly [number, number];
    /** Shares of tasks. Defaults: 0.1 delayed by 0.2–2 s, 0.05 failing (a fifth of them for good), 0 unique. */
    readonly delayed?: number;
    readonly failing?: number;
    readonly unique?: number;
  };
  /** Added to every payload of the mix. */
  readonly payload?: Does;
  /** Extra bytes in every payload; they are left out of the histories. Default 0. */
  readonly fillerBytes?: number;
  readonly options?: Partial<EnqueueOptions>;
  /** Queues of the mix, used in turn. Default: `default`. */
  readonly queues?: readonly string[];
  readonly durability?: EnqueueOptions['durability'];
  /** Calls in flight at once. Default 20. */
  readonly parallel?: number;
  /** Tasks per call. Default 1. */
  readonly batch?: number;
  /** Enqueues a task of unknown outcome again, with the same ID, until its outcome is known. Default false. */
  readonly retryUnknown?: boolean;
  /** Seed of the mix. Default: derived from that of the run. */
  readonly seed?: number;
  /** Number of the first task, where a predecessor has enqueued those before it. Default 0. */
  readonly from?: number;
}

/** Options of a worker that can be passed as JSON. */
export type WorkOptions = Pick<
  WorkerOptions,
  'concurrency' | 'lease' | 'order' | 'maintenance' | 'shutdownTimeout' | 'profile' | 'maxStall' | 'failStop'
> & { readonly queues?: readonly string[] };

/** A schedule that can be passed as JSON. */
export type PlainSchedule = Omit<ScheduleOptions<Does>, 'at' | 'startsAt' | 'endsAt'> & {
  /** Wall-clock ms. */
  readonly startsAtMs?: number;
  readonly endsAtMs?: number;
};

/** Schedules that a process fires and edits. */
export interface SchedulesOptions {
  /** Queues whose schedules it fires. Default: it fires none. */
  readonly queues?: readonly string[];
  /** Puts these again and again, each time with another name. */
  readonly edit?: readonly PlainSchedule[];
  /** Removes these and puts them back, again and again. */
  readonly replace?: readonly PlainSchedule[];
  /** It edits and replaces until then, wall-clock ms. Default: until it stops. */
  readonly editUntilMs?: number;
}

/** A process that produces, works, keeps schedules, or all of it. */
export interface MemberOptions {
  readonly produce?: ProduceOptions;
  readonly work?: WorkOptions;
  readonly schedules?: SchedulesOptions;
  /** URL of the broker, of a proxy for example. Default: the bed's. */
  readonly url?: string;
  readonly launch?: Omit<LaunchOptions, 'args'>;
}

/** Adds an event to the history of the test. */
export type RecordEvent = (line: {
  readonly e: 'fault' | 'heal';
  what: string;
  of: readonly string[];
}) => void;

interface MemberDeps {
  readonly name: string;
  readonly url: string;
  /** Path of its history. */
  readonly log: string;
  readonly options: MemberOptions;
  readonly record: RecordEvent;
  onExit(exit: { of: string; code: number | null; signal: string | null; isRequested: boolean }): void;
}

const PROGRAM = fileURLToPath(new URL('../programs/member.mjs', import.meta.url));

/** A process of an experiment. What the test does to it is recorded in the history of the test. */
export class Member {
  readonly name: string;
  readonly options: MemberOptions;
  readonly history: History;
  readonly #program: Program;
  readonly #record: RecordEvent;
  readonly #gone: Promise<void>;
  #exitRequested = false;
  #alive = true;

  constructor({ name, url, log, options, record, onExit }: MemberDeps) {
    this.name = name;
    this.options = options;
    this.history = new History(log);
    this.#record = record;
    const { produce, work, schedules, launch } = options;
    const argument = JSON.stringify({ name, log, produce, work, schedules });
    this.#program = launchProgram(PROGRAM, { ...launch, args: [options.url ?? url, argument] });
    this.#gone = this.#program.ended.then(({ code, signal }) => {
      this.#alive = false;
      onExit({ of: name, code, signal, isRequested: this.#exitRequested });
    });
  }

  get pid(): number {
    return this.#program.pid;
  }

  get isAlive(): boolean {
    return this.#alive;
  }

  get isWorker(): boolean {
    return this.options.work !== undefined;
  }

  /** Options of a replacement, which continues producing where this one ended. */
  successor(): MemberOptions {
    const { produce } = this.options;
    if (!produce) return this.options;
    const enqueued = this.history.read().filter(({ e }) => e === 'call').length;
    return { ...this.options, produce: { ...produce, from: (produce.from ?? 0) + enqueued } };
  }

  /** Resolves when it is connected and its worker has started. */
  ready(): Promise<void> {
    return this.#program.waitForLine((line) => line === 'ready');
  }

  /** Resolves when `count` new events of its history match. */
  saw(matches: (line: Line) => boolean, count = 1, limitMs?: number): Promise<void> {
    const from = this.history.read().length;
    const what = `${this.name} records ${count} matching events`;
    const holds = () => this.history.read().slice(from).filter(matches).length >= count;
    return until(holds, { what, ...(limitMs !== undefined && { limitMs }) });
  }

  /** Sends SIGKILL; resolves when it has ended. */
  async kill(): Promise<void> {
    this.#exitRequested = true;
    this.#record({ e: 'fault', what: 'SIGKILL', of: [this.name] });
    await this.#program.kill();
    await this.#gone;
  }

  /** Sends SIGSTOP. */
  pause(): void {
    this.#record({ e: 'fault', what: 'SIGSTOP', of: [this.name] });
    this.#program.signal('SIGSTOP');
  }

  /** Sends SIGCONT. */
  resume(): void {
    this.#record({ e: 'heal', what: 'SIGCONT', of: [this.name] });
    this.#program.signal('SIGCONT');
  }

  /** Sends SIGTERM, which stops it in order; resolves when it has ended. */
  async stop(): Promise<void> {
    this.#exitRequested = true;
    this.#program.signal('SIGTERM');
    await this.#gone;
  }

  /** Makes it stop producing; resolves when the calls in flight are answered. */
  stopProducing(limitMs = 30_000): Promise<void> {
    this.#program.signal('SIGUSR2');
    return this.produced(limitMs);
  }

  /** Resolves when all its tasks are enqueued and answered, or it has ended. */
  produced(limitMs = 30_000): Promise<void> {
    const done = () =>
      !this.#alive || this.history.read().some(({ e }) => e === 'produced' || e === 'closed');
    return until(done, { what: `${this.name} has produced all its tasks`, limitMs });
  }

  /** Resolves when the process has ended, for any reason. */
  get gone(): Promise<void> {
    return this.#gone;
  }
}
