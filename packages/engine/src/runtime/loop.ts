import { polling } from './clock.ts';
import type { Runtime } from './runtime.ts';
import { OVER, withinTime } from './within.ts';

/** A pause between two steps that something may end early. */
export interface Pause {
  readonly ms: number;
  /** Time until there is something to do, as far as is known: the step after `ms` is only a look. Default: `ms`. */
  readonly dueMs?: number;
  /** Resolves when the next step is due, or when `signal` aborts: the pause has ended otherwise. */
  readonly until?: (signal: AbortSignal) => Promise<void>;
}

/** The pause of a loop that looks again and again whether there is something to do. */
export const poll = (ms: number): Pause => ({ ms, dueMs: Infinity });

export interface LoopDeps {
  /** For logs and events. */
  readonly name: string;
  readonly runtime: Runtime;
  /**
   * One bounded step of work. Resolves to the pause until the next one, or to its ms; 0 = at once. `signal` aborts when the
   * loop stops.
   */
  step(signal: AbortSignal): Promise<number | Pause>;
  /** Time until the next step after a failed one, ms. Default 1,000. */
  readonly failureMs?: number;
  /**
   * Longest time that a step may take, ms: after it, the loop counts as one that hangs (`Runtime.loops`). Default 60,000, which is
   * longer than any number of calls that fail because the broker is out of reach. Infinity = it waits for what others do.
   */
  readonly maxStepMs?: number;
}

/** A background loop. Its steps follow one another and errors never end it. Starting or stopping it twice is harmless. */
export interface Loop {
  readonly name: string;
  start(): void;
  /** Brings the next step forward to now. During a step, another one follows at once. */
  wake(): void;
  /** Ends the loop. Resolves when the running step has ended. */
  stop(): Promise<void>;
}

const DEFAULT_MAX_STEP_MS = 60_000;

class SteppedLoop implements Loop {
  readonly #deps: LoopDeps;
  #stopping: AbortController | undefined;
  #running: Promise<void> | undefined;
  /** Ends the pause; undefined during a step. */
  #pausing: AbortController | undefined;
  #isWoken = false;
  /** When the running step began, monotonic; null = it pauses. */
  #beganMs: number | null = null;

  constructor(deps: LoopDeps) {
    this.#deps = deps;
  }

  get name(): string {
    return this.#deps.name;
  }

  start(): void {
    if (this.#running) return;
    this.#stopping = new AbortController();
    const { name, runtime, maxStepMs = DEFAULT_MAX_STEP_MS } = this.#deps;
    const unwatch = runtime.loops?.add({ name, maxStepMs, stepMs: () => this.#stepMs() });
    this.#running = this.#run(this.#stopping.signal).finally(() => unwatch?.());
  }

  wake(): void {
    this.#isWoken = true;
    this.#pausing?.abort(OVER);
  }

  async stop(): Promise<void> {
    this.#stopping?.abort();
    this.wake();
    await this.#running;
    this.#running = undefined;
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#isWoken = false;
      const next = await this.#runStep(signal);
      if (!this.#isWoken && !signal.aborted) await this.#pause(next);
    }
  }

  #stepMs(): number {
    return this.#beganMs === null ? 0 : this.#deps.runtime.clock.monotonicMs() - this.#beganMs;
  }

  /** Returns the pause until the next step. */
  async #runStep(signal: AbortSignal): Promise<number | Pause> {
    const { name, runtime, step, failureMs = 1_000 } = this.#deps;
    this.#beganMs = runtime.clock.monotonicMs();
    try {
      return await step(signal);
    } catch (error) {
      if (!signal.aborted) {
        runtime.log.warn({ loop: name, err: error }, 'a step of a background loop failed; the loop goes on');
        runtime.events.emit('loop.failed', { loop: name, error });
      }
      return failureMs;
    } finally {
      this.#beganMs = null;
    }
  }

  async #pause(next: number | Pause): Promise<void> {
    const { clock } = this.#deps.runtime;
    const { ms, dueMs = ms, until }: Pause = typeof next === 'number' ? { ms: next } : next;
    if (ms <= 0) return;
    const ending = (this.#pausing = new AbortController());
    const pausing = polling(clock, dueMs);
    // An error of `until` must not end the loop: the pause then lasts its full time. One that never ends must not hold up a wake.
    const safely = (signal: AbortSignal) => until!(signal).catch(() => pausing.sleep(ms, signal));
    await (until
      ? withinTime({ clock: pausing, ms, over: ending }, safely)
      : pausing.sleep(ms, ending.signal));
    this.#pausing = undefined;
  }
}

export const createLoop = (deps: LoopDeps): Loop => new SteppedLoop(deps);
