import type { Runtime } from './runtime.ts';

export interface LoopDeps {
  /** For logs and events. */
  readonly name: string;
  readonly runtime: Runtime;
  /** One bounded step of work. Resolves to the ms until the next one; 0 = at once. `signal` aborts when the loop stops. */
  step(signal: AbortSignal): Promise<number>;
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

  /** Returns the ms until the next step. */
  async function runStep(signal: AbortSignal): Promise<number> {
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
      const ms = await runStep(signal);
      if (ms <= 0 || isWoken || signal.aborted) continue;
      sleeping = new AbortController();
      await clock.sleep(ms, sleeping.signal);
      sleeping = undefined;
    }
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
