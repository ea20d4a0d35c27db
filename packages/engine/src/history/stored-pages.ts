import type { Broker } from '../broker/broker.ts';
import type { HistoryBy, HistoryPage, HistoryRange, HistoryState, HistoryStep } from '../broker/history.ts';
import { minuteOf } from './broker-minutes.ts';
import { STEP_MINUTES } from './documents.ts';
import { hourPage, unpackPages, type StoredPage } from './hour-pages.ts';
import { countedPages, reportedPages } from './present.ts';
import type { Unreadable } from './unreadable.ts';

/** Steps of pages that are read in one call. */
const STEPS_PER_CALL = { minute: 60, hour: 48 } as const;
/** A read that the sampler has overtaken begins anew this often. The last one may miss a minute or have one twice. */
const MAX_READS = 3;

export interface PageRequest {
  readonly by: HistoryBy;
  readonly step: HistoryStep;
  /** Steps: the first one, and that after the last one. */
  readonly from: number;
  readonly to: number;
  /** Names of logical queues: the counters of others are not read. Null = all. */
  readonly queues: ReadonlySet<string> | null;
}

/** Pages in the order of time. Those that are stored stay packed until they are asked for: a day of them is large. */
export interface ReadPages {
  /** The present step. */
  readonly now: number;
  each(use: (page: StoredPage) => void): Promise<void>;
}

export interface PagesDeps {
  readonly broker: Pick<Broker, 'history' | 'inspect'>;
  readonly unreadable: Unreadable;
}

/** Reads stored pages piece by piece: an answer has a bound. */
async function loadPages({ broker }: PagesDeps, range: HistoryRange): Promise<HistoryPage[]> {
  const { step, from, to } = range;
  const pages: HistoryPage[] = [];
  for (let at = from; at < to; at += STEPS_PER_CALL[step]) {
    const end = Math.min(to, at + STEPS_PER_CALL[step]);
    pages.push(...(await broker.history.pages({ ...range, from: at, to: end })));
  }
  return pages;
}

/** What is not yet in pages, as pages of minutes. */
async function loadPresent(
  deps: PagesDeps,
  state: HistoryState,
  request: PageRequest,
): Promise<StoredPage[]> {
  const counted = request.by === 'queue' ? await countedPages(deps, state, request.queues) : [];
  const present = [...(await reportedPages(deps, state, request.by)), ...counted];
  const [from, to] = [request.from, request.to].map((at) => at * STEP_MINUTES[request.step]);
  return present.filter(({ at }) => at >= from! && at < to!);
}

/** What was read in one go. */
interface Loaded {
  readonly stored: readonly HistoryPage[];
  /** Pages of minutes that are not yet, or not at all, in those that are stored. */
  readonly minutes: readonly StoredPage[];
}

/** Minutes are stored as they are read. */
async function loadMinutes(deps: PagesDeps, state: HistoryState, request: PageRequest): Promise<Loaded> {
  const minutes = await loadPresent(deps, state, request);
  return {
    stored: await loadPages(deps, { by: request.by, step: 'minute', from: request.from, to: request.to }),
    minutes,
  };
}

/** Hours that were made, and the minutes of later ones. */
async function loadHours(deps: PagesDeps, state: HistoryState, request: PageRequest): Promise<Loaded> {
  const { by, from, to } = request;
  const made = state.hour === null ? from : Math.min(to, Math.max(from, state.hour + 1));
  const present = await loadPresent(deps, state, request);
  const later = {
    from: made * STEP_MINUTES.hour,
    to: Math.min(to * STEP_MINUTES.hour, minuteOf(state.nowMs) + 1),
  };
  const minutes = unpackPages(await loadPages(deps, { by, step: 'minute', ...later }), deps.unreadable);
  return {
    stored: await loadPages(deps, { by, step: 'hour', from, to: made }),
    minutes: [...minutes, ...present],
  };
}

/** The same pages of minutes, as pages of hours. */
function toHours(minutes: readonly StoredPage[], endMinute: number): StoredPage[] {
  const byHour = new Map<number, StoredPage[]>();
  for (const page of minutes) {
    const hour = Math.floor(page.at / STEP_MINUTES.hour);
    byHour.set(hour, [...(byHour.get(hour) ?? []), page]);
  }
  const sorted = [...byHour].sort(([a], [b]) => a - b);
  return sorted.flatMap(([at, pages]) => {
    const page = hourPage(
      at,
      pages.toSorted((a, b) => a.at - b.at),
      endMinute,
    );
    return page ? [{ at, page }] : [];
  });
}

/** Reads pages and what is not yet in them, as they were at one time. */
export async function readStoredPages(deps: PagesDeps, request: PageRequest): Promise<ReadPages> {
  const load = request.step === 'hour' ? loadHours : loadMinutes;
  let state = await deps.broker.history.state();
  let loaded = await load(deps, state, request);
  for (let reads = 1; reads < MAX_READS; reads += 1) {
    const after = await deps.broker.history.state();
    if (after.version === state.version) break;
    state = after;
    loaded = await load(deps, state, request);
  }
  const { stored, minutes } = loaded;
  const nowMinute = minuteOf(state.nowMs);
  const later = request.step === 'hour' ? toHours(minutes, nowMinute + 1) : minutes;
  return {
    now: Math.floor(nowMinute / STEP_MINUTES[request.step]),
    async each(use) {
      for (const [i, page] of stored.entries()) {
        for (const one of unpackPages([page], deps.unreadable)) use(one);
        // A day of full pages takes a second: others must have their turn.
        if (i % 16 === 15) await new Promise(setImmediate);
      }
      for (const page of later) use(page);
    },
  };
}
