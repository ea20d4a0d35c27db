import type { Runtime } from './runtime.ts';
import { within } from './within.ts';

/** A pause between two steps that something may end early. */
interface Pause {
  readonly ms: number;
  /** Resolves when the next step is due, or when `signal` aborts: the pause has ended otherwise. */
  readonly until?: (signal: AbortSignal) => Promise<void>;
}

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

export function createLoop({ name, runtime, step, failureMs = 1_000 }: LoopDeps): Loop {
  const { clock, events, log } = runtime;
  let stopping: AbortController | undefined;
  let running: Promise<void> | undefined;
  let sleeping: AbortController | undefined;
  let isWoken = false;

  /** Returns the pause until the next step. */
  async function runStep(signal: AbortSignal): Promise<number | Pause> {
    try {
      return await step(signal);
    } catch (error) {
      if (!signal.aborted) {
        log.warn({ loop: name, err: error }, 'a step of a background loop failed; the loop goes on');
        events.emit('loop.failed', { loop: name, error });
      }
      return failureMs;
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      isWoken = false;
      const next = await runStep(signal);
      if (!isWoken && !signal.aborted) await pause(next);
    }
  }

  async function pause(next: number | Pause): Promise<void> {
    const { ms, until }: Pause = typeof next === 'number' ? { ms: next } : next;
    if (ms <= 0) return;
    const ending = (sleeping = new AbortController());
    const fullTime = () => clock.sleep(ms, ending.signal);
    // An error of `until` must not end the loop: the pause then lasts its full time.
    await (until ? within(clock, ms, () => until(ending.signal).catch(fullTime)) : fullTime());
    ending.abort();
    sleeping = undefined;
  }

  function wake(): void {
    isWoken = true;
    sleeping?.abort();
  }

  return {
    name,
    wake,
    start() {
      if (running) return;
      stopping = new AbortController();
      running = run(stopping.signal);
    },
    async stop() {
      stopping?.abort();
      wake();
      await running;
      running = undefined;
    },
  };
}
