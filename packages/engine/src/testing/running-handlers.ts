import { AsyncLocalStorage } from 'node:async_hooks';
import { Lifetime, type Running } from '../runtime/lifetime.ts';
import { Worker } from '../worker/worker.ts';

/** An attempt that runs on a test broker. */
interface RunningAttempt {
  readonly queue: string;
  readonly type: string;
  readonly id: string;
  /** Sleeps of its handler on the test's clock. */
  sleeps: number;
}

/**
 * The attempts of all workers on a test broker. Time stands still while a handler works, and moves on while it sleeps on the
 * test's clock.
 */
export class RunningHandlers extends Lifetime {
  readonly #workers = new Set<Worker>();
  readonly #running = new Set<RunningAttempt>();
  readonly #current = new AsyncLocalStorage<RunningAttempt>();

  override add(running: Running): void {
    super.add(running);
    if (running instanceof Worker) this.#follow(running);
  }

  override delete(running: Running): void {
    super.delete(running);
    if (running instanceof Worker) this.#workers.delete(running);
  }

  /** Whether the caller is a handler, or was called by one. */
  get isInHandler(): boolean {
    return this.#current.getStore() !== undefined;
  }

  /** A sleep on the test's clock; its handler, if one sleeps, does not work meanwhile. */
  async sleep(sleeping: Promise<void>): Promise<void> {
    const attempt = this.#current.getStore();
    if (attempt) attempt.sleeps += 1;
    await sleeping;
    if (attempt) attempt.sleeps -= 1;
  }

  /** Number of attempts whose handlers work. */
  get working(): number {
    let count = 0;
    for (const { running } of this.#workers) count += running;
    for (const { sleeps } of this.#running) if (sleeps > 0) count -= 1;
    return count;
  }

  /** The attempts whose handlers work, in words. */
  describeWorking(): string {
    const working = [...this.#running].filter(({ sleeps }) => sleeps === 0);
    return working.map(({ queue, type, id }) => `"${type}" (queue ${queue}, task ${id})`).join(', ');
  }

  /** A worker is added before it seals its handlers, so this is its innermost middleware. */
  #follow(worker: Worker): void {
    this.#workers.add(worker);
    worker.use(async ({ queue, type, id }, { signal }, next) => {
      const attempt: RunningAttempt = { queue, type, id, sleeps: 0 };
      const forget = () => void this.#running.delete(attempt);
      this.#running.add(attempt);
      signal.addEventListener('abort', () => {
        // The attempt waits for a handler that is asked to stop, and for no other.
        if ((signal.reason as Error).cause !== 'cancelled') forget();
      });
      try {
        return await this.#current.run(attempt, next);
      } finally {
        forget();
      }
    });
  }
}
