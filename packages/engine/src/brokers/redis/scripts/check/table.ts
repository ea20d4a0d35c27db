import { type Candidate, type Fault, FAULT_KINDS, type FaultKind } from '../../../../broker/check.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { defineScript } from '../define-script.ts';
import { lua } from '../lua.generated.ts';
import { textOf } from '../reply.ts';

export interface KeysPage {
  /** Where the next page begins; '0' = this was the last one. */
  readonly cursor: string;
  readonly candidates: readonly Candidate[];
  /** IDs of tasks whose state says that they are in a list. */
  readonly listed: readonly string[];
  /** Keys of groups and aggregation sets. */
  readonly groups: readonly string[];
}

function parseCandidates(flat: readonly unknown[]): Candidate[] {
  const candidates: Candidate[] = [];
  for (let i = 0; i < flat.length; i += 3)
    candidates.push({ what: textOf(flat[i]), name: textOf(flat[i + 1]), at: textOf(flat[i + 2]) });
  return candidates;
}

/** Scans a page of the keys of one queue. */
export const checkKeys = defineScript({
  lua: lua.checkKeys,
  keys: ({ queue }: { readonly queue: string; readonly cursor: string }) => ({ pending: pendingKey(queue) }),
  args: ({ cursor }) => ({ cursor }),
  reply(raw): KeysPage {
    const [cursor, candidates, listed, groups] = raw as readonly [unknown, unknown[], unknown[], unknown[]];
    return {
      cursor: textOf(cursor),
      candidates: parseCandidates(candidates),
      listed: listed.map(textOf),
      groups: groups.map(textOf),
    };
  },
});

export interface IndexCall {
  readonly queue: string;
  /** The list or set. */
  readonly key: string;
  /** The state of its tasks, or `lease`, `due`, `st:cancelled`, `st:cancelling`. */
  readonly name: string;
  /** Where the page begins; '0' = at the start. */
  readonly from: string;
}

export interface IndexPage {
  /** Where the next page begins; '0' = this was the last one. */
  readonly next: string;
  /** IDs that seem wrong in this list or set. */
  readonly wrong: readonly string[];
  /** All IDs of the page from the left if it is a list, else empty. */
  readonly ids: readonly string[];
}

/** Reads a page of a list or set of IDs. */
export const checkIndex = defineScript({
  lua: lua.checkIndex,
  keys: ({ queue, key }: IndexCall) => ({ pending: pendingKey(queue), index: key }),
  args: ({ name, from }) => ({ name, from }),
  reply(raw): IndexPage {
    const [next, wrong, ids] = raw as readonly [unknown, unknown[], unknown[]];
    return { next: textOf(next), wrong: wrong.map(textOf), ids: ids.map(textOf) };
  },
});

export interface CheckCall {
  readonly queue: string;
  readonly candidates: readonly Candidate[];
  readonly repair: boolean;
}

type RawFault = readonly [kind: unknown, found: unknown, done: unknown];

function parseFault([kind, found, done]: RawFault): Fault | null {
  const text = textOf(kind);
  if (!FAULT_KINDS.includes(text as FaultKind)) return null;
  return { kind: text as FaultKind, found: textOf(found), done: textOf(done) || null };
}

/** What is walked over for the schedules of a queue: their hash, the sets with their names, and their runs. */
export const SCHEDULE_INDEXES = ['sch', 'names', 'next', 'soon', 'failing', 'watch'] as const;

interface SchedulesCall {
  readonly queue: string;
  readonly index: (typeof SCHEDULE_INDEXES)[number];
  /** '0' = from the start. */
  readonly cursor: string;
}

/** Reads a page of the schedules or of the runs of a queue. Replies with those that seem wrong. */
export const checkSchedules = defineScript({
  lua: lua.checkSchedules,
  keys: ({ queue }: SchedulesCall) => ({ pending: pendingKey(queue) }),
  args: ({ index, cursor }) => ({ index, cursor }),
  reply(raw, { index }): { cursor: string; candidates: Candidate[] } {
    const [cursor, names] = raw as readonly [unknown, unknown[]];
    const what = index === 'watch' ? 'run' : 'schedule';
    return {
      cursor: textOf(cursor),
      candidates: names.map((name) => ({ what, name: textOf(name), at: '' })),
    };
  },
});

/** Replies with a fault or null for each candidate examined: the first ones of the call, at least one. */
export const check = defineScript({
  lua: lua.check,
  keys: ({ queue }: CheckCall) => ({ pending: pendingKey(queue) }),
  args: ({ repair }) => ({ repair: repair ? 1 : 0 }),
  moreArgs: ({ candidates }, args) => {
    const { candidate } = lua.check.records;
    for (const { what, name, at } of candidates) candidate(args, { what, name, seenIn: at });
  },
  reply: (raw) => (raw as readonly RawFault[]).map(parseFault),
});
