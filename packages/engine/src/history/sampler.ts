import type { Broker } from '../broker/broker.ts';
import {
  HISTORY_BY,
  HISTORY_KEPT,
  type HistoryBy,
  type HistoryPage,
  type HistoryState,
  type HistoryStep,
} from '../broker/history.ts';
import { createClaimedLoop } from '../leases/claimed-loop.ts';
import { poll, type Loop, type Pause } from '../runtime/loop.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { sampleOf, type QueueSample } from './baseline.ts';
import { BrokerMinutes, ONE_MINUTE_MS, minuteOf } from './broker-minutes.ts';
import { packPage, STEP_MINUTES, type Page } from './documents.ts';
import { hourPages, unpackPages, type StoredPage } from './hour-pages.ts';
import { sampledMinute, samplePages, type Sampled } from './sample-pages.ts';
import { Unreadable } from './unreadable.ts';

/** Names the claim: one process at a time samples. */
const HISTORY_CLAIM = 'history';
/** Longer than other claims: a minute of delay does no harm. */
const SAMPLER_CLAIM_MS = 30_000;
/** Reports of a minute are read this long after its end: processes may send them for 3 s. */
const REPORTS_MS = 5_000;
/** Queues whose facts are read in one call. */
const MAX_SAMPLED = 256;

/** The part of all bytes that the pages of one minute may take, and those of one hour. */
const MINUTE_SHARE = 0.7 / HISTORY_KEPT.minute;
const HOUR_SHARE = 0.3 / HISTORY_KEPT.hour;
/** Earlier hours have no minutes any more. */
const MAX_HOURS_BACK = Math.ceil(HISTORY_KEPT.minute / STEP_MINUTES.hour);

/** Part of the bytes that pages may have: brokers round the room of a page up, by 14 % at most (ADR 39). */
const STORED_SHARE = 0.85;

/** Bytes that the history may take in the broker, unless something else is said. */
const DEFAULT_HISTORY_BYTES = 64 * 1_024 * 1_024;

export interface SamplerDeps {
  readonly broker: Pick<Broker, 'history' | 'keepsHistory' | 'inspect' | 'claims'>;
  readonly runtime: Runtime;
  /** Bytes that all pages together may take. Default 64 MiB. */
  readonly maxBytes?: number | undefined;
}

const hourOf = (minute: number): number => Math.floor(minute / STEP_MINUTES.hour);

/** The pages of a step, as the broker keeps them. */
function packPages(step: HistoryStep, at: number, pages: ReadonlyMap<HistoryBy, Page>): HistoryPage[] {
  const end = (at + 1) * STEP_MINUTES[step];
  return [...pages].map(([by, page]) => ({ by, step, at, data: packPage(page, end) }));
}

/** What has been found without a write: up to this minute nothing had changed since that version of the state. */
interface Unchanged {
  readonly version: number;
  readonly minute: number;
}

/**
 * Writes the history: at the end of each minute it takes the difference of the queues' counters since the sample before, and merges what all
 * processes have reported. What it writes depends on the version that it has read, hence two that sample at the same time count
 * nothing twice.
 */
class Sampler {
  readonly #deps: SamplerDeps;
  readonly #minutes: BrokerMinutes;
  readonly #unreadable: Unreadable;
  readonly #maxBytes: number;
  #unchanged: Unchanged | null = null;

  constructor(deps: SamplerDeps) {
    this.#deps = deps;
    this.#minutes = new BrokerMinutes(deps.runtime.clock);
    this.#unreadable = new Unreadable(deps.runtime.log);
    this.#maxBytes = (deps.maxBytes ?? DEFAULT_HISTORY_BYTES) * STORED_SHARE;
  }

  /** Samples the minute that has ended, unless somebody has. */
  async step(signal: AbortSignal): Promise<number | Pause> {
    const state = await this.#readState();
    const minute = minuteOf(this.#nowMs()) - 1;
    const covered = this.#coveredBy(state, minute);
    if (covered === null || covered < minute) {
      const samples = await this.#sampleAll();
      await this.#waitForReports(minute, signal);
      if (signal.aborted) return 0;
      const written = await this.#write({ state, covered, minute, samples });
      if (written === null || !(await this.#rollHours(written, minute))) return 0;
    } else if (!(await this.#rollHours(state, minute))) return 0;
    return this.#untilNextMinute();
  }

  #nowMs(): number {
    return this.#minutes.nowMs() ?? 0;
  }

  async #readState(): Promise<HistoryState> {
    const state = await this.#deps.broker.history.state();
    this.#minutes.set(state.nowMs);
    return state;
  }

  /** The last minute that is known to be sampled; null = none. */
  #coveredBy(state: HistoryState, minute: number): number | null {
    const sampled = sampledMinute(state, this.#unreadable);
    if (sampled === null) return null;
    const known = this.#unchanged?.version === state.version ? this.#unchanged.minute : sampled;
    const covered = Math.max(sampled, known);
    // The clock was set back: what is ahead of it says nothing.
    return covered > minute + 1 ? minute - 1 : covered;
  }

  async #sampleAll(): Promise<Map<string, QueueSample>> {
    const { inspect } = this.#deps.broker;
    const queues = await inspect.queues();
    const samples = new Map<string, QueueSample>();
    for (let from = 0; from < queues.length; from += MAX_SAMPLED) {
      const facts = await inspect.queueFacts(queues.slice(from, from + MAX_SAMPLED));
      const nowMs = this.#nowMs();
      for (const one of facts) samples.set(one.queue, sampleOf(one, nowMs));
    }
    return samples;
  }

  async #waitForReports(minute: number, signal: AbortSignal): Promise<void> {
    const untilMs = (minute + 1) * ONE_MINUTE_MS + REPORTS_MS;
    const restMs = untilMs - this.#nowMs();
    if (restMs > 0) await this.#deps.runtime.clock.sleep(restMs, signal);
  }

  /** Returns the state after it; null = another process was faster. */
  async #write(given: {
    readonly state: HistoryState;
    readonly covered: number | null;
    readonly minute: number;
    readonly samples: ReadonlyMap<string, QueueSample>;
  }): Promise<HistoryState | null> {
    const { state, minute } = given;
    const reports = await this.#deps.broker.history.reports();
    const maxBytes = Math.floor(this.#maxBytes * MINUTE_SHARE);
    const sampled = samplePages({ ...given, reports, maxBytes, unreadable: this.#unreadable });
    if (sampled) return this.#putMinutes(state, minute, sampled);
    this.#unchanged = { version: state.version, minute };
    return state;
  }

  /** Minutes that nobody has taken up are written one by one, and the sample with the last one: a call has bounds. */
  async #putMinutes(
    before: HistoryState,
    minute: number,
    { minutes, baselines, removed }: Sampled,
  ): Promise<HistoryState | null> {
    let state: HistoryState | null = { ...before, hour: before.hour ?? hourOf(minute + 1) - 1 };
    for (const [at, pages] of minutes) {
      if (at === minute) continue;
      state = state && (await this.#put({ ...state, minute: at }, packPages('minute', at, pages)));
    }
    const pages = packPages('minute', minute, minutes.get(minute) ?? new Map());
    return state && this.#put({ ...state, minute }, pages, { baselines, removed });
  }

  /** Writes pages and the state. Returns the state after it; null = it is another one by now. */
  async #put(
    { version, minute, hour, ...rest }: HistoryState,
    pages: readonly HistoryPage[],
    sampled: Pick<Sampled, 'baselines' | 'removed'> = { baselines: new Map(), removed: [] },
  ): Promise<HistoryState | null> {
    const put = { version, minute: minute!, hour, pages, ...sampled };
    if (!(await this.#deps.broker.history.put(put))) return null;
    if (this.#unchanged?.version === version) this.#unchanged = { ...this.#unchanged, version: version + 1 };
    return { ...rest, version: version + 1, minute, hour };
  }

  /** Makes hours of minutes, when there are minutes of hours that have ended. Returns false when another process was faster. */
  async #rollHours(given: HistoryState, minute: number): Promise<boolean> {
    if (given.minute === null) return true;
    const lastHour = Math.min(hourOf(given.minute), hourOf(minute + 1) - 1);
    const first = Math.max((given.hour ?? lastHour) + 1, lastHour - MAX_HOURS_BACK);
    let state: HistoryState | null = given;
    for (let hour = first; hour <= lastHour && state !== null; hour += 1)
      state = await this.#put({ ...state, hour }, await this.#hourPages(hour));
    return state !== null;
  }

  async #hourPages(hour: number): Promise<HistoryPage[]> {
    const { history } = this.#deps.broker;
    const [from, to] = [hour * STEP_MINUTES.hour, (hour + 1) * STEP_MINUTES.hour];
    const ofMinutes = new Map<HistoryBy, StoredPage[]>();
    for (const by of HISTORY_BY) {
      const stored = await history.pages({ by, step: 'minute', from, to });
      ofMinutes.set(by, unpackPages(stored, this.#unreadable));
    }
    return packPages('hour', hour, hourPages(hour, ofMinutes, Math.floor(this.#maxBytes * HOUR_SHARE)));
  }

  /** The next minute is sampled as it ends. */
  #untilNextMinute(): Pause {
    return poll(ONE_MINUTE_MS - (this.#nowMs() % ONE_MINUTE_MS));
  }
}

/** The loop that writes the history, on one instance at a time: docs/design/engine.md#history. */
export function createSampler(deps: SamplerDeps): Loop {
  const { broker, runtime } = deps;
  const sampler = new Sampler(deps);
  return createClaimedLoop({
    name: 'history',
    claims: broker.claims,
    claim: HISTORY_CLAIM,
    claimMs: SAMPLER_CLAIM_MS,
    runtime,
    step: ({ signal }) => sampler.step(signal),
  });
}
