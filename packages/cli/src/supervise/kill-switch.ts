import type { ChildProcess } from 'node:child_process';
import { EXIT_INTERRUPTED, SAME_SIGNAL_MS } from '../signals.ts';

/** The grace of a service that has not yet said how long its stop may take. It is the default of `shutdown.timeout`. */
const DEFAULT_GRACE_MS = 8_000;
/** Added to the grace of the service, ms. With the default grace, the sum is less than Docker's 10 s. */
const SPARE_MS = 1_000;

/** Kills a service that hangs after it was told to end. */
export class KillSwitch {
  #child: ChildProcess | undefined;
  #graceMs = DEFAULT_GRACE_MS;
  #firstMs: number | undefined;
  #isSecond = false;
  #timer: NodeJS.Timeout | undefined;

  /** The exit code after a second signal, for a service that could not give its own. */
  get exitCode(): number | undefined {
    return this.#isSecond ? EXIT_INTERRUPTED : undefined;
  }

  /** Watches another process. */
  watch(child: ChildProcess): void {
    this.#child = child;
    child.once('exit', () => clearTimeout(this.#timer));
  }

  /** How long a stop may take; null = as before. */
  setGrace(graceMs: number | null): void {
    this.#graceMs = graceMs ?? this.#graceMs;
  }

  /** The service is told to stop by a signal. A second one tells it to end within a second. */
  onSignal(): void {
    if (this.#firstMs === undefined) return this.onStopping();
    if (this.#isSecond || performance.now() - this.#firstMs <= SAME_SIGNAL_MS) return;
    this.#isSecond = true;
    this.#killAfter(SPARE_MS);
  }

  /** The service has begun to stop, by a signal or on its own. */
  onStopping(): void {
    const nowMs = performance.now();
    this.#firstMs ??= nowMs;
    if (!this.#isSecond) this.#killAfter(this.#firstMs + this.#graceMs + SPARE_MS - nowMs);
  }

  /** The service exits now, which takes no time unless it hangs. */
  onExiting(): void {
    this.#killAfter(SPARE_MS);
  }

  #killAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#child?.kill('SIGKILL'), ms);
  }
}
