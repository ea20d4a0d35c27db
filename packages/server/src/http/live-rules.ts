import type { UrlRules } from '../callbacks/url-rules.ts';
import type { Log } from '@task-center/engine';

/**
 * The current rules for callback URLs. They may change while the service runs: read them for each decision, never copy
 * them.
 */
export class LiveRules implements UrlRules {
  readonly allow: UrlRules['allow'];
  /** Callbacks delivered at once. Not a rule, but configured beside them. */
  readonly concurrency: number;
  readonly #log: Log;
  #mode: UrlRules['mode'];

  constructor({ mode, allow, concurrency }: UrlRules & { readonly concurrency: number }, log: Log) {
    this.#mode = mode;
    this.allow = allow;
    this.concurrency = concurrency;
    this.#log = log;
  }

  get mode(): UrlRules['mode'] {
    return this.#mode;
  }

  /** Ends mode `try` until the process ends: a proxy makes this service reachable for others. */
  endTryMode(): void {
    if (this.#mode === 'service') return;
    this.#mode = 'service';
    this.#log.warn(
      { mode: 'service' },
      'a forwarded request arrived: mode "try" has ended, callbacks may go only where callbacks.allow permits',
    );
  }
}
