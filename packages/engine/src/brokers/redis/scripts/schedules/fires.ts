// Scripts that write and read fires of schedules.
import {
  END_STATES,
  FIRE_OUTCOMES,
  type FireRecord,
  type FireWrite,
  type FireWriteOutcome,
  type TimeSpan,
} from '../../../../broker/fires.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { longId, shortId } from '../../records/line-id.ts';
import { idsText, parseScheduleFacts, type ScheduleFacts } from '../../records/schedule-record.ts';
import { defineScript, type ScriptValue } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';
import type { EnqueueItem } from '../submit/enqueue.ts';
import { orEmpty, queueKeys } from './table.ts';

/** A write whose tasks are encoded: those of all its fires, in order. */
export interface EncodedWrite {
  readonly write: FireWrite;
  readonly items: readonly EnqueueItem[];
}

/** What a call writes: schedules of one queue. */
interface FireCall {
  readonly queue: string;
  readonly receipt: Receipt;
  readonly writes: readonly EncodedWrite[];
  /** Distinct businesses among the tasks. */
  readonly businesses: readonly string[];
}

/** Base of the logical times in lines. */
const TIME_BASE = 36;

/** Appends a write, then its fires, then their tasks. */
function addWrite(args: ScriptValue[], { write, items }: EncodedWrite): void {
  const { records } = lua.scheduleFire;
  const { fires, plan } = write;
  records.write(args, {
    name: write.name,
    stamp: String(write.stamp).padStart(16, '0'),
    isManual: fires.every(({ outcome }) => outcome === 'manual') ? 1 : 0,
    latestMs: fires.reduce((latest, { fireMs, toMs }) => Math.max(latest, fireMs, toMs), 0),
    fires: fires.length,
    tasks: items.length,
    ledger: plan.ledger,
    lastMs: orEmpty(plan.lastFireMs),
    nextMs: orEmpty(plan.nextFireMs),
    lookMs: orEmpty(plan.nextLookMs),
    runs: plan.runs,
    awaits: plan.awaitsEnd ? 1 : 0,
    open: idsText(plan.open),
  });
  for (const { outcome, fireMs, toMs, count, tasks } of fires) {
    const [first] = tasks;
    records.fire(args, {
      // What nearly all lines have is left out: a hundred of them fit into 5 KiB.
      outcome: FIRE_OUTCOMES.indexOf(outcome) || '',
      time: fireMs.toString(TIME_BASE),
      spanMs: toMs === fireMs ? '' : toMs - fireMs,
      count: count === 1 ? '' : count,
      tasks: tasks.length === 1 ? '' : tasks.length,
      task: first === undefined ? '' : shortId(first.id),
    });
  }
  for (const item of items) records.item(args, item);
}

/** By the code of the script; any other one means that a fire lies in the future. */
const OUTCOMES: Readonly<Record<string, FireWriteOutcome>> = {
  1: { code: 'fired' },
  c: { code: 'changed' },
  p: { code: 'paused' },
  e: { code: 'refused', cause: 'task-exists' },
  d: { code: 'refused', cause: 'duplicate-task' },
};

/** Writes fires. Replies with an outcome per schedule, in order. */
export const scheduleFire = defineScript({
  lua: lua.scheduleFire,
  keys: ({ queue, receipt }: FireCall) => ({ receipt: receipt.key, pending: pendingKey(queue) }),
  args: ({ receipt, businesses }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    businessCount: businesses.length,
  }),
  moreArgs({ writes, businesses }, args) {
    args.push(...businesses);
    for (const write of writes) addWrite(args, write);
  },
  reply(raw): FireWriteOutcome[] | Refusal {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [now, codes = ''] = textOf(raw).split(':');
    return codes.split('').map((code) => OUTCOMES[code] ?? { code: 'in-future', nowMs: Number(now) });
  },
});

/** A schedule that will fire. */
export interface SoonSchedule extends ScheduleFacts {
  readonly name: string;
  readonly nextFireMs: number;
}

/** Asks for those that fire in a span. */
interface SoonCall extends TimeSpan {
  readonly queue: string;
  /** How many to pass over. */
  readonly offset: number;
  readonly limit: number;
}

/** Replies with a page of the schedules that will fire, by time. */
export const scheduleSoon = defineScript({
  lua: lua.scheduleSoon,
  keys: (call: SoonCall) => queueKeys(call),
  args: ({ fromMs, toMs, offset, limit }) => ({ fromMs, toMs, offset, limit }),
  reply: (raw): (SoonSchedule | null)[] =>
    (raw as readonly (readonly [name: unknown, next: unknown, head: unknown])[]).map(
      ([name, next, rawHead]) => {
        const facts = parseScheduleFacts(rawHead);
        return facts && { ...facts, name: textOf(name), nextFireMs: Number(textOf(next)) };
      },
    ),
});

/** Replies with how many schedules have their next fire in each span. */
export const scheduleSpans = defineScript({
  lua: lua.scheduleSpans,
  keys: (call: { readonly queue: string; readonly spans: readonly TimeSpan[] }) => queueKeys(call),
  args: () => ({}),
  moreArgs({ spans }, args) {
    for (const { fromMs, toMs } of spans) lua.scheduleSpans.records.span(args, { fromMs, toMs });
  },
  reply: (raw) => raw as number[],
});

/** What a schedule's own hash says of it. */
interface FireOf {
  readonly queue: string;
  readonly name: string;
  readonly facts: ScheduleFacts;
}

/** A line of the history, as scripts store it: each part but the first three and the last may be empty. */
const LINE = /^(\d+);(\w+);(-?\d+);(\d*);(\d*);(\d*);(\d*);(\d*);(\d*);(-?\d*);(.*)$/s;
/** Reads `<line, after it was decided in µs>;<fire ms, base 36>;<decided, ms after it>;<outcome>;<count>;<span ms>;<tasks>;<ended>;<worst end>;<ended, ms after it was decided>;<first task>`. */
function parseLine(raw: unknown, { queue, name, facts: { business, owner } }: FireOf): FireRecord | null {
  const match = LINE.exec(textOf(raw));
  if (!match) return null;
  const [, behind, fire = '', after, outcome, count, span, tasks, ended, worst, taken, id = ''] = match;
  const fireMs = parseInt(fire, TIME_BASE);
  const atMs = fireMs + Number(after);
  return {
    queue,
    name,
    business,
    owner,
    line: atMs * 1_000 + Number(behind),
    outcome: FIRE_OUTCOMES[Number(outcome)] ?? 'fired',
    fireMs,
    toMs: fireMs + Number(span),
    count: Number(count) || 1,
    atMs,
    taskId: id === '' ? null : longId(id),
    tasks: tasks === '' ? 1 : Number(tasks),
    ended: Number(ended),
    end: Number(ended) === 0 ? null : (END_STATES[Number(worst)] ?? 'gone'),
    endedMs: taken === '' ? null : atMs + Number(taken),
  };
}

/** A place in the history of a queue; `fire` null = it is gone. */
export interface HistoryPlace {
  readonly fireMs: number;
  readonly line: number;
  readonly fire: FireRecord | null;
}

/** Asks for the lines before a place. */
interface FirePageCall {
  readonly queue: string;
  /** Logical time. */
  readonly beforeMs: number | '+inf';
  /** Null = all lines before this time. */
  readonly beforeLine: number | null;
  readonly fromMs: number;
  readonly limit: number;
}

/** As the script replies with a place. */
type RawPlace = readonly [fireMs: unknown, line: unknown, name: unknown, text: unknown, head: unknown];

/** Replies with a page of the history of a queue. */
export const firePage = defineScript({
  lua: lua.firePage,
  keys: (call: FirePageCall) => queueKeys(call),
  args: ({ beforeMs, beforeLine, fromMs, limit }) => ({
    beforeMs,
    beforeLine: orEmpty(beforeLine),
    fromMs,
    limit,
  }),
  reply(raw, { queue }): { nowMs: number; places: HistoryPlace[] } {
    const [now, rows] = raw as readonly [unknown, readonly RawPlace[]];
    const places = rows.map(([fireMs, line, name, text, head]): HistoryPlace => {
      const place = { fireMs: Number(textOf(fireMs)), line: Number(textOf(line)) };
      const facts = parseScheduleFacts(head);
      if (text === null || !facts) return { ...place, fire: null };
      const fire = parseLine(text, { queue, name: textOf(name), facts });
      return { ...place, fire: fire?.line === place.line ? fire : null };
    });
    return { nowMs: Number(textOf(now)), places };
  },
});

/** Replies with the history of one schedule, in the order of writing, the newest line first. */
export const firesOf = defineScript({
  lua: lua.firesOf,
  keys: (call: { readonly queue: string; readonly name: string }) => queueKeys(call),
  args: ({ name }) => ({ name }),
  reply(raw, { queue, name }): { nowMs: number; fires: FireRecord[] } {
    const [now, head, lines] = raw as readonly [unknown, unknown, readonly unknown[]];
    const facts = parseScheduleFacts(head);
    const fires = lines.flatMap((line) => (facts && parseLine(line, { queue, name, facts })) ?? []);
    return { nowMs: Number(textOf(now)), fires };
  },
});
