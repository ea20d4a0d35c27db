import { fileURLToPath } from 'node:url';
import type { EnqueueOptions, WorkerOptions } from '@task-center/engine';
import {
  launchProgram,
  type LaunchOptions,
  type Program,
} from '../../packages/engine/test/support/program.ts';
import { History, until, type Does, type Line } from './history.ts';

/** What a process enqueues, until it is told to stop or has made all. */
export interface ProduceOptions {
  /** Default 100. */
  readonly perSecond?: number;
  /** Tasks to make. Default: no end; with `tasks` one of each. */
  readonly count?: number;
  /** These, in turn. Default: a mix. */
  readonly tasks?: readonly { readonly payload?: Does; readonly options?: Partial<EnqueueOptions> }[];
  readonly mix?: {
    /** How long handlers take, from and to. Default 5 to 200 ms. */
    readonly ms?: readonly [number, number];
    /** Shares of tasks. Defaults: 0.1 delayed by 0.2–2 s, 0.05 failing (a fifth of them for good), 0 unique. */
    readonly delayed?: number;
    readonly failing?: number;
    readonly unique?: number;
  };
  /** Of every task of the mix besides. */
  readonly payload?: Does;
  /** Makes every payload larger by so much; it stands in no history. Default 0. */
  readonly fillerBytes?: number;
  readonly options?: Partial<EnqueueOptions>;
  /** In turn. Default `default` alone. */
  readonly queues?: readonly string[];
  readonly durability?: EnqueueOptions['durability'];
  /** Calls under way at once. Default 20. */
  readonly lanes?: number;
  /** Tasks per call. Default 1. */
  readonly batch?: number;
  /** Whether a task of unknown outcome is enqueued again, with the same ID, until its outcome is known. Default false. */
  readonly again?: boolean;
  /** Of the mix. Default: the run's. */
  readonly seed?: number;
  /** The number of the first task, where others have made those before. Default 0. */
  readonly from?: number;
}

/** A worker's options that survive JSON. */
export type WorkOptions = Pick<
  WorkerOptions,
  | 'concurrency'
  | 'leaseMs'
  | 'order'
  | 'maintenance'
  | 'shutdownTimeoutMs'
  | 'profile'
  | 'maxStallMs'
  | 'failStop'
> & { readonly queues?: readonly string[] };

/** A process: it produces, works, or both. */
export interface MemberOptions {
  readonly produce?: ProduceOptions;
  readonly work?: WorkOptions;
  /** Its way to the broker, a proxy's for example. Default: the bed's. */
  readonly url?: string;
  readonly launch?: Omit<LaunchOptions, 'args'>;
}

/** Writes a line into the test's own history. */
export type Note = (line: { readonly e: 'fault' | 'heal'; what: string; of: readonly string[] }) => void;

interface MemberParts {
  readonly name: string;
  readonly url: string;
  /** Its history's file. */
  readonly log: string;
  readonly options: MemberOptions;
  readonly note: Note;
  onExit(exit: { of: string; code: number | null; signal: string | null; asked: boolean }): void;
}

const PROGRAM = fileURLToPath(new URL('../programs/member.mjs', import.meta.url));

/** A process of an experiment. What the test does to it stands in the test's history. */
export class Member {
  readonly name: string;
  readonly options: MemberOptions;
  readonly history: History;
  readonly #program: Program;
  readonly #note: Note;
  readonly #gone: Promise<void>;
  #asked = false;
  #alive = true;

  constructor({ name, url, log, options, note, onExit }: MemberParts) {
    this.name = name;
    this.options = options;
    this.history = new History(log);
    this.#note = note;
    const { produce, work, launch } = options;
    const argument = JSON.stringify({ name, log, produce, work });
    this.#program = launchProgram(PROGRAM, { ...launch, args: [options.url ?? url, argument] });
    this.#gone = this.#program.ended.then(({ code, signal }) => {
      this.#alive = false;
      onExit({ of: name, code, signal, asked: this.#asked });
    });
  }

  get pid(): number {
    return this.#program.pid;
  }

  get alive(): boolean {
    return this.#alive;
  }

  get works(): boolean {
    return this.options.work !== undefined;
  }

  /** What takes its place: the same, and it goes on producing where this one ended. */
  successor(): MemberOptions {
    const { produce } = this.options;
    if (!produce) return this.options;
    const made = this.history.read().filter(({ e }) => e === 'call').length;
    return { ...this.options, produce: { ...produce, from: (produce.from ?? 0) + made } };
  }

  /** Resolves when it is connected and works. */
  ready(): Promise<void> {
    return this.#program.waitForLine((line) => line === 'ready');
  }

  /** Resolves when so many lines of its history, from now on, fit. */
  saw(fits: (line: Line) => boolean, count = 1, limitMs?: number): Promise<void> {
    const from = this.history.read().length;
    const what = `${this.name} tells ${count} fitting events`;
    const holds = () => this.history.read().slice(from).filter(fits).length >= count;
    return until(holds, { what, ...(limitMs !== undefined && { limitMs }) });
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#asked = true;
    this.#note({ e: 'fault', what: 'SIGKILL', of: [this.name] });
    await this.#program.kill();
    await this.#gone;
  }

  /** SIGSTOP */
  pause(): void {
    this.#note({ e: 'fault', what: 'SIGSTOP', of: [this.name] });
    this.#program.signal('SIGSTOP');
  }

  /** SIGCONT */
  resume(): void {
    this.#note({ e: 'heal', what: 'SIGCONT', of: [this.name] });
    this.#program.signal('SIGCONT');
  }

  /** SIGTERM: it stops in order. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#asked = true;
    this.#program.signal('SIGTERM');
    await this.#gone;
  }

  /** It makes no more tasks; resolves when all that were under way are told. */
  stopProducing(limitMs = 30_000): Promise<void> {
    this.#program.signal('SIGUSR2');
    return this.produced(limitMs);
  }

  /** Resolves when all its tasks are made, and told. */
  produced(limitMs = 30_000): Promise<void> {
    const done = () =>
      !this.#alive || this.history.read().some(({ e }) => e === 'produced' || e === 'closed');
    return until(done, { what: `${this.name} has produced`, limitMs });
  }

  /** Resolves when it has ended by itself or by what was done to it. */
  get gone(): Promise<void> {
    return this.#gone;
  }
}
