import type { UrlRules } from '../callbacks/url-rules.ts';
import type { Log } from '@task-center/engine';

/**
 * The current rules for callback URLs. They may change while the service runs: read them for each decision, never copy
 * them.
 */
export class LiveRules implements UrlRules {
  /** Callbacks delivered at once. Not a rule, but configured beside them. */
  readonly concurrency: number;
  readonly #log: Log;
  readonly #listeners = new Set<() => void>();
  #mode: UrlRules['mode'];
  #allow: UrlRules['allow'];

  constructor({ mode, allow, concurrency }: UrlRules & { readonly concurrency: number }, log: Log) {
    this.#mode = mode;
    this.#allow = allow;
    this.concurrency = concurrency;
    this.#log = log;
  }

  get mode(): UrlRules['mode'] {
    return this.#mode;
  }

  get allow(): UrlRules['allow'] {
    return this.#allow;
  }

  /** Calls the listener after each change of the rules: what they refused before may pass now. Returns its removal. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Takes over the rules of a configuration that was read again. It may end mode `try`, but never begins it: a file that
   * is empty for a moment, while it is being written, must not open every address.
   */
  replace({ mode, allow }: UrlRules): void {
    if (mode === 'service') this.#mode = mode;
    this.#allow = allow;
    this.#announce();
  }

  /** Ends mode `try` until the process ends: a proxy makes this service reachable for others. */
  endTryMode(): void {
    if (this.#mode === 'service') return;
    this.#mode = 'service';
    this.#log.warn(
      { mode: 'service' },
      'a forwarded request arrived: mode "try" has ended, callbacks may go only where callbacks.allow permits',
    );
    this.#announce();
  }

  #announce(): void {
    for (const listener of this.#listeners) listener();
  }
}
