/** Lets any number of callers wait for conditions over state that its owner changes. */
export class Changed {
  readonly #waiters = new Set<() => void>();

  /** The state has changed: each waiter checks its condition again. Costs next to nothing while there is none. */
  notify(): void {
    if (this.#waiters.size === 0) return;
    for (const end of this.#waiters) end();
  }

  /** Resolves when the condition is true, now or after a `notify`, or when the signal aborts. */
  async until(isTrue: () => boolean, signal?: AbortSignal): Promise<void> {
    while (!isTrue() && !signal?.aborted) await this.#wait(signal);
  }

  #wait(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        this.#waiters.delete(end);
        signal?.removeEventListener('abort', end);
        resolve();
      };
      this.#waiters.add(end);
      signal?.addEventListener('abort', end, { once: true });
    });
  }
}
