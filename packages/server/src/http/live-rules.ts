import type { UrlRules } from '../callbacks/url-rules.ts';
import type { Log } from '@task-center/engine';

/** The rules for callback URLs as they are now; read them anew for each decision. */
export class LiveRules implements UrlRules {
  readonly allow: UrlRules['allow'];
  /** Callbacks at once; not a rule, but what is configured beside them. */
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

  /** Ends mode `try` for good: somebody reaches this through a proxy (api section 5). */
  harden(): void {
    if (this.#mode === 'service') return;
    this.#mode = 'service';
    this.#log.warn(
      { mode: 'service' },
      'a forwarded request was seen: mode "try" is over, callbacks go only where callbacks.allow says',
    );
  }
}
