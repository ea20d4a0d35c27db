import {
  HISTORY_KEPT,
  HISTORY_STEP_MS,
  REPORT_GRACE_MS,
  REPORTS_KEPT,
  type HistoryPage,
  type HistoryPut,
  type HistoryRange,
  type HistoryReport,
  type HistoryState,
  type HistoryStep,
} from '../../../../broker/history.ts';
import {
  HISTORY_BASELINES_KEY,
  HISTORY_STATE_KEY,
  historyPagesKey,
  historyReportsKey,
} from '../../../../protocol/keys.ts';
import { asBuffer } from '../../../../protocol/wire.ts';
import { defineScript, type ScriptValue } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

/** How many steps share a hash of pages. */
export const STEPS_PER_KEY: Readonly<Record<HistoryStep, number>> = { minute: 60, hour: 24 };

const STATE_KEYS = { state: HISTORY_STATE_KEY, baselines: HISTORY_BASELINES_KEY };

/** Replies with whether the minute was open. */
export const historyReport = defineScript({
  lua: lua.historyReport,
  keys: ({ minute }: HistoryReport) => ({ reports: historyReportsKey(minute) }),
  args: ({ minute, process, data }) => ({
    process,
    data: asBuffer(data),
    closes: (minute + 1) * HISTORY_STEP_MS.minute + REPORT_GRACE_MS,
    ttl: (REPORTS_KEPT * HISTORY_STEP_MS.minute) / 1_000,
  }),
  reply: (raw) => raw === 1,
});

/** Replies with the minutes that have reports. */
export const historyMinutes = defineScript({
  lua: lua.historyMinutes,
  keys: () => ({ reports: historyReportsKey(0) }),
  args: () => ({ kept: REPORTS_KEPT }),
  reply: (raw) => (raw as readonly unknown[]).map(Number),
});

/** A stored number; null for none, and for what is none. Another program may have written anything. */
function storedNumber(raw: unknown): number | null {
  const number = raw === null ? NaN : Number(textOf(raw));
  return Number.isSafeInteger(number) ? number : null;
}

export const historyState = defineScript({
  lua: lua.historyState,
  keys: () => STATE_KEYS,
  args: () => ({}),
  reply(raw): HistoryState {
    const [nowMs, [version, minute, hour], flat] = raw as [unknown, unknown[], Buffer[]];
    const baselines = new Map<string, Uint8Array>();
    for (let i = 0; i < flat.length; i += 2) baselines.set(textOf(flat[i]), flat[i + 1]!);
    return {
      version: storedNumber(version) ?? 0,
      nowMs: Number(nowMs),
      minute: storedNumber(minute),
      hour: storedNumber(hour),
      baselines,
    };
  },
});

/** A put, with a unique name of this write. */
export interface HistoryWrite extends HistoryPut {
  readonly write: string;
}

/** When the hash has no page any more that is kept, wall-clock ms. */
function expiresMs(step: HistoryStep, group: number): number {
  const lastStep = (group + 1) * STEPS_PER_KEY[step];
  return (lastStep + HISTORY_KEPT[step]) * HISTORY_STEP_MS[step];
}

/** Key, field, data and expiry of a page. */
function pageArgs({ by, step, at, data }: HistoryPage): ScriptValue[] {
  const group = Math.floor(at / STEPS_PER_KEY[step]);
  return [historyPagesKey(by, step, group), at, asBuffer(data), expiresMs(step, group)];
}

/** Replies with whether it was written. */
export const historyPut = defineScript({
  lua: lua.historyPut,
  keys: ({ minute }: HistoryWrite) => ({ ...STATE_KEYS, reports: historyReportsKey(minute) }),
  args: ({ write, version, minute, hour, pages, baselines }) => ({
    write,
    version,
    minute,
    hour: hour ?? '',
    kept: REPORTS_KEPT,
    pageCount: pages.length,
    baselineCount: baselines.size,
  }),
  moreArgs({ pages, baselines, removed }, args) {
    for (const page of pages) args.push(...pageArgs(page));
    for (const [queue, data] of baselines) args.push(queue, asBuffer(data));
    args.push(...removed);
  },
  reply: (raw) => raw === 1,
});

/** Replies with the pages in one hash that lie in the range. */
export const historyPages = defineScript({
  lua: lua.historyPages,
  keys: ({ by, step, group }: HistoryRange & { readonly group: number }) => ({
    pages: historyPagesKey(by, step, group),
  }),
  args: ({ step, from, to }) => ({
    step: HISTORY_STEP_MS[step],
    kept: HISTORY_KEPT[step],
    from,
    to,
  }),
  reply(raw, { by, step }): HistoryPage[] {
    const flat = raw as Buffer[];
    const pages: HistoryPage[] = [];
    for (let i = 0; i < flat.length; i += 2)
      pages.push({ by, step, at: Number(textOf(flat[i])), data: flat[i + 1]! });
    return pages.sort((a, b) => a.at - b.at);
  },
});
