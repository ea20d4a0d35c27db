import type { Runtime } from '../../../runtime/runtime.ts';
import { causeOf, troubleOf, ErrorReply } from './error-replies.ts';
import { openLink, type Link } from './connection.ts';
import type { Topology } from './topology/topology.ts';

export interface UplinkParts {
  readonly topology: Topology;
  /** Which of its servers. */
  readonly place: string;
  readonly runtime: Runtime;
  /** Whether anybody still waits for the link. */
  wanted(): boolean;
  onUp(link: Link): void;
  /** The server answered and will not have us: wrong password, no rights. */
  onRefused?(reply: Error): void;
  onDown?(): void;
  /** An attempt to connect failed. */
  onFailed?(): void;
  readonly onInvalidate?: (key: string | null) => void;
}

const MIN_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1_000;
/** A link that lived so long was a good one: the next attempt comes at once. */
const GOOD_AFTER_MS = 1_000;

/** Keeps one link open while somebody wants it: opens another when it is lost. */
export class Uplink {
  readonly #parts: UplinkParts;
  readonly #closing = new AbortController();
  #link: Link | null = null;
  #cause: string | null = null;
  #connecting = false;
  #failures = 0;
  #upSince = 0;

  constructor(parts: UplinkParts) {
    this.#parts = parts;
  }

  /** Null while it is down. */
  get link(): Link | null {
    return this.#link;
  }

  /** Why it is down, or was down last. */
  get cause(): string | null {
    return this.#cause;
  }

  /** Connects if it is down, and tries on while `wanted` says so. */
  want(): void {
    if (this.#link || this.#connecting || this.#closing.signal.aborted) return;
    this.#connecting = true;
    void this.#connect();
  }

  /** Ends the link: it leads to the wrong server. A newer link stays. */
  distrust(link: Link, cause: string): void {
    if (link !== this.#link) return;
    link.destroy();
    this.#onLost(cause);
  }

  close(): void {
    this.#closing.abort();
    this.#link?.destroy();
    this.#link = null;
  }

  async #connect(): Promise<void> {
    const { signal } = this.#closing;
    while (!this.#link && !signal.aborted && this.#parts.wanted()) {
      await this.#pause(signal);
      if (!signal.aborted && this.#parts.wanted()) await this.#attempt();
    }
    this.#connecting = false;
  }

  /** After failures; grows with their number, and is never the same for two processes. */
  async #pause(signal: AbortSignal): Promise<void> {
    if (this.#failures === 0) return;
    const { clock, random } = this.#parts.runtime;
    const ms = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS * 2 ** Math.min(this.#failures - 1, 10));
    await clock.sleep(ms * (0.5 + random() / 2), signal);
  }

  async #attempt(): Promise<void> {
    const { signal } = this.#closing;
    try {
      const link = await this.#open(signal);
      if (signal.aborted || link.lost) return link.destroy();
      this.#upSince = this.#parts.runtime.clock.monotonicMs();
      this.#link = link;
      this.#parts.onUp(link);
    } catch (error) {
      this.#cause = causeOf(error);
      this.#failures += 1;
      if (error instanceof ErrorReply && troubleOf(error) !== 'wait') this.#parts.onRefused?.(error);
      this.#parts.onFailed?.();
    }
  }

  async #open(signal: AbortSignal): Promise<Link> {
    const { topology, place, runtime, onInvalidate } = this.#parts;
    const link = await openLink({
      target: await topology.locate(place, signal),
      clock: runtime.clock,
      signal,
      onLost: (cause) => this.#onLost(cause),
      ...(onInvalidate && { onInvalidate }),
    });
    try {
      await topology.approve(link);
    } catch (error) {
      link.destroy();
      throw error;
    }
    return link;
  }

  #onLost(cause: string): void {
    const livedMs = this.#parts.runtime.clock.monotonicMs() - this.#upSince;
    this.#failures = livedMs < GOOD_AFTER_MS ? this.#failures + 1 : 0;
    this.#link = null;
    this.#cause = cause;
    this.#parts.onDown?.();
    if (this.#parts.wanted()) this.want();
  }
}
