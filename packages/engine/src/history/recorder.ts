import type { Broker } from '../broker/broker.ts';
import { REPORT_GRACE_MS, type History } from '../broker/history.ts';
import type { Timer } from '../runtime/clock.ts';
import type { Events } from '../runtime/events.ts';
import { newIdentity } from '../runtime/identity.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { within } from '../runtime/within.ts';
import { BrokerMinutes, ONE_MINUTE_MS, minuteOf } from './broker-minutes.ts';
import { packReport, type Report } from './documents.ts';
import { isEmptyReport, MinuteCounts, reportRest } from './minute-counts.ts';

/** Numbers are sent this long after they have changed. */
const SEND_MS = 1_000;
/** To make reports takes no more than this part of a processor: a process with thousands of series sends less often. */
const MAX_PACK_SHARE = 0.02;
/** How long `stop` waits for the last report. */
const LAST_REPORT_MS = 2_000;

export interface RecorderDeps {
  readonly history: Pick<History, 'report' | 'state'>;
  readonly runtime: Runtime;
}

/** A minute that is counted, or that could not be stored yet. */
interface CountedMinute {
  /** By the broker's clock; null = not asked yet. */
  minute: number | null;
  readonly counts: MinuteCounts;
  /** What the broker has of it; null = nothing. */
  stored: Report | null;
  /** Whether it has changed since then. */
  hasNews: boolean;
}

const newMinute = (minute: number | null): CountedMinute => ({
  minute,
  counts: new MinuteCounts(),
  stored: null,
  hasNews: false,
});

/**
 * Counts the attempts of this process for the history, and sends its numbers once a second while they change: docs/design/engine.md#history. A
 * report replaces the one before of the same minute, hence a call that is repeated counts nothing twice. Nothing runs while nothing happens, and nothing
 * grows while the broker is out of reach: what could not be stored joins the present minute.
 */
export class Recorder {
  readonly #deps: RecorderDeps;
  readonly #process: string;
  readonly #minutes: BrokerMinutes;
  /** How many ask for each source of events, and what ends it. */
  readonly #sources = new Map<Events, { users: number; off(): void }>();
  #current = newMinute(null);
  #before: CountedMinute | null = null;
  #timer: Timer | null = null;
  #sending: Promise<void> | null = null;
  #pauseMs = SEND_MS;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
    this.#process = newIdentity(deps.runtime).name;
    this.#minutes = new BrokerMinutes(deps.runtime.clock);
  }

  /** Whether nobody's attempts are counted. */
  get isUnused(): boolean {
    return this.#sources.size === 0;
  }

  /** Counts the attempts that are told of there. The same events may be given several times, and are counted once. */
  add(events: Events): void {
    const source = this.#sources.get(events);
    if (source) {
      source.users += 1;
      return;
    }
    const off = events.on('attempt.finished', (ended) => {
      if (this.#timer === null && this.#sending === null) this.#begin();
      this.#current.counts.add(ended);
      this.#current.hasNews = true;
    });
    this.#sources.set(events, { users: 1, off });
  }

  /** Ends that. With the last one the last numbers are sent. Resolves when that is done, or after 2 s. Never rejects. */
  async remove(events: Events): Promise<void> {
    const source = this.#sources.get(events);
    if (!source) return;
    source.users -= 1;
    if (source.users > 0) return;
    source.off();
    this.#sources.delete(events);
    if (this.isUnused) await within(this.#deps.runtime.clock, LAST_REPORT_MS, () => this.#sendLast());
  }

  async #sendLast(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    await this.#sending;
    if (this.isUnused) await this.#send();
  }

  /** The first attempt after a pause. */
  #begin(): void {
    this.#turnOver();
    this.#arm();
  }

  /** Sends after the pause, or as soon as the minute has ended: what happens next belongs to another one. */
  #arm(): void {
    const nowMs = this.#minutes.nowMs();
    const restMs = nowMs === null ? Infinity : ONE_MINUTE_MS - (nowMs % ONE_MINUTE_MS);
    const { clock } = this.#deps.runtime;
    this.#timer = clock.after(Math.min(this.#pauseMs, restMs), () => void this.#sendInTurn()).unref();
  }

  async #sendInTurn(): Promise<void> {
    this.#timer = null;
    this.#sending = this.#send();
    await this.#sending;
    this.#sending = null;
    if (!this.isUnused && (this.#before !== null || this.#current.hasNews)) this.#arm();
  }

  /** Never rejects: what could not be sent is sent again. */
  async #send(): Promise<void> {
    this.#turnOver();
    try {
      if (this.#minutes.isUnknown || this.#current.minute === null) await this.#askTime();
      if (this.#before !== null) await this.#report(this.#before);
      if (this.#current.hasNews) await this.#report(this.#current);
    } catch (error) {
      this.#deps.runtime.log.debug(
        { err: error },
        'numbers for the history could not be stored; they are sent again',
      );
    }
  }

  async #askTime(): Promise<void> {
    this.#minutes.set((await this.#deps.history.state()).nowMs);
    this.#turnOver();
  }

  /** Begins another minute when the present one has ended. */
  #turnOver(): void {
    const nowMs = this.#minutes.nowMs();
    if (nowMs === null) return;
    const minute = minuteOf(nowMs);
    this.#current.minute ??= minute;
    if (this.#current.minute !== minute) {
      const ended = this.#current;
      this.#current = newMinute(minute);
      if (ended.hasNews) {
        if (this.#before !== null) this.#carry(this.#before);
        this.#before = ended;
      }
    }
    if (this.#before !== null && nowMs >= (this.#before.minute! + 1) * ONE_MINUTE_MS + REPORT_GRACE_MS) {
      this.#carry(this.#before);
      this.#before = null;
    }
  }

  /** What is not stored of a minute that takes nothing more joins the present one. */
  #carry({ counts, stored }: CountedMinute): void {
    const all = counts.report();
    const rest = stored === null ? all : reportRest(all, stored);
    if (isEmptyReport(rest)) return;
    this.#current.counts.carry(rest);
    this.#current.hasNews = true;
  }

  async #report(counted: CountedMinute): Promise<void> {
    const { clock } = this.#deps.runtime;
    const sinceMs = clock.monotonicMs();
    const report = counted.counts.report();
    const data = packReport(report);
    this.#pauseMs = Math.max(SEND_MS, (clock.monotonicMs() - sinceMs) / MAX_PACK_SHARE);
    counted.hasNews = false;
    let isStored = false;
    try {
      isStored = await this.#deps.history.report({ minute: counted.minute!, process: this.#process, data });
    } catch (error) {
      counted.hasNews = true;
      throw error;
    }
    if (!isStored) return this.#onClosed(counted);
    counted.stored = report;
    if (counted === this.#before) this.#before = null;
  }

  /** The broker's clock is ahead of what was believed. */
  async #onClosed(counted: CountedMinute): Promise<void> {
    if (counted === this.#current) this.#current = newMinute(null);
    else this.#before = null;
    this.#carry(counted);
    await this.#askTime();
  }
}

/** The recorder of each broker: workers of one process share it. */
const recorders = new WeakMap<object, Recorder>();

/** Counting for the history. */
export interface Recording {
  /** Sends the last numbers, if nobody else records. Takes 2 s at most, and never rejects. */
  stop(): Promise<void>;
}

const NO_RECORDING: Recording = { stop: async () => {} };

/** Counts the attempts that this runtime tells of, for the history of the broker. */
export function recordAttempts(
  { history, keepsHistory }: Pick<Broker, 'history' | 'keepsHistory'>,
  runtime: Runtime,
): Recording {
  if (keepsHistory === false) return NO_RECORDING;
  let recorder = recorders.get(history);
  if (!recorder) recorders.set(history, (recorder = new Recorder({ history, runtime })));
  const { events } = runtime;
  const used = recorder;
  used.add(events);
  let stopped: Promise<void> | undefined;
  return { stop: () => (stopped ??= used.remove(events)) };
}
