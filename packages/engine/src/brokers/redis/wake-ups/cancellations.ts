import { CANCEL_CHANNEL } from '../../../protocol/keys.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { Link } from '../client/connection.ts';

export interface CancellationParts {
  readonly runtime: Runtime;
  /** The link, or null while there is none. */
  link(): Link | null;
  /** Asks for a link; `rearm` when it is there. */
  want(): void;
}

type Listener = (id: string) => void;

/** After a refused subscription: Redis loads its data, or the user has no right to the channel. */
const REFUSED_MS = 5_000;

/** Hears Asynq's cancellations (protocol 3.25) on whatever link there is, for as long as somebody listens. */
export class Cancellations {
  readonly #parts: CancellationParts;
  readonly #listeners = new Set<Listener>();
  readonly #closing = new AbortController();
  /** Callers who wait for the first subscription. */
  readonly #waiting = new Set<() => void>();
  /** The link that hears, or is being asked to. */
  #link: Link | null = null;
  #hears = false;

  constructor(parts: CancellationParts) {
    this.#parts = parts;
  }

  /** Whether anybody listens. */
  get wanted(): boolean {
    return this.#listeners.size > 0;
  }

  /** Resolves when messages are heard, or never will be. */
  listen(listener: Listener, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#closing.signal.aborted) return Promise.resolve();
    // The caller may listen twice with the same function.
    const own: Listener = (id) => listener(id);
    this.#listeners.add(own);
    return new Promise((resolve) => {
      const heard = () => {
        this.#waiting.delete(heard);
        resolve();
      };
      this.#waiting.add(heard);
      const end = () => {
        this.#listeners.delete(own);
        heard();
      };
      signal.addEventListener('abort', end, { once: true });
      this.#subscribe();
      if (this.#hears) heard();
    });
  }

  /** Links have come or gone: on a new one nothing is heard yet. */
  rearm(): void {
    this.disarm();
    if (this.wanted) this.#subscribe();
  }

  /** A link is gone. */
  disarm(): void {
    if (this.#link && !this.#link.lost && this.#link === this.#parts.link()) return;
    this.#link = null;
    this.#hears = false;
  }

  close(): void {
    this.#closing.abort();
    this.#listeners.clear();
    for (const heard of this.#waiting) heard();
  }

  #subscribe(): void {
    const link = this.#parts.link();
    if (!link) return this.#parts.want();
    if (this.#link === link) return;
    this.#link = link;
    this.#hears = false;
    link
      // One that is heard no longer may live on for other things.
      .subscribe(CANCEL_CHANNEL, (id) => void (this.#link === link && this.#tell(id)))
      .then(
        () => this.#onHeard(link),
        (error: unknown) => void this.#onRefused(link, error),
      );
  }

  #onHeard(link: Link): void {
    if (this.#link !== link) return;
    this.#hears = true;
    for (const heard of this.#waiting) heard();
  }

  /** A lost link is replaced, and `rearm` called; one that lives is asked again. */
  async #onRefused(link: Link, error: unknown): Promise<void> {
    if (this.#link !== link || link.lost) return;
    const { clock, log } = this.#parts.runtime;
    log.warn({ err: error, channel: CANCEL_CHANNEL }, 'cancellations cannot be heard; trying again');
    await clock.sleep(REFUSED_MS, this.#closing.signal);
    if (this.#link !== link || this.#closing.signal.aborted) return;
    this.#link = null;
    if (this.wanted) this.#subscribe();
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(id);
  }
}
