import type { Runtime } from './runtime.ts';

export interface LoopDeps {
  readonly name: string;
  readonly runtime: Runtime;
  /** One bounded step of work. Resolves to the ms until the next one (0: at once). `signal` aborts at stop. */
  step(signal: AbortSignal): Promise<number>;
  /** Wait after a failed step, ms. Default 1,000. */
  readonly failureMs?: number;
}

/** A background loop: steps follow one another, errors never end it, start and stop may come twice. */
export interface Loop {
  readonly name: string;
  start(): void;
  /** Brings the next step forward to now. */
  wake(): void;
  /** Resolves when the running step has ended. */
  stop(): Promise<void>;
}

export function createLoop({ name, runtime, step, failureMs = 1_000 }: LoopDeps): Loop {
  const { clock, events, log } = runtime;
  let stopping: AbortController | undefined;
  let running: Promise<void> | undefined;
  let nap: AbortController | undefined;
  let woken = false;

  async function restMs(signal: AbortSignal): Promise<number> {
    try {
      return await step(signal);
    } catch (error) {
      if (!signal.aborted) {
        log.warn({ loop: name, err: error }, 'a background loop failed; it goes on');
        events.emit('loop.failed', { loop: name, error });
      }
      return failureMs;
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      woken = false;
      const ms = await restMs(signal);
      if (ms <= 0 || woken || signal.aborted) continue;
      nap = new AbortController();
      await clock.sleep(ms, nap.signal);
      nap = undefined;
    }
  }

  function wake(): void {
    woken = true;
    nap?.abort();
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
