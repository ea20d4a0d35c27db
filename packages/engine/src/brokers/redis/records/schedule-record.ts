// Schedules as they are stored: rows of the prelude `schedules`, and what `sch` has of each.
import type { SchedulePut, ScheduleRecord, ScheduleText } from '../../../broker/schedule-records.ts';
import { textOf, textOrNull } from '../scripts/reply.ts';

/** What people filter by. */
export type ScheduleFacts = Omit<ScheduleText, 'spec'>;

/** Short keys, as each schedule has them; what is null is left out. */
interface StoredFacts {
  readonly b?: string;
  readonly o?: string;
  readonly f: string;
  readonly k?: string;
  readonly p?: string;
}

/** The first part of a schedule. */
interface Head extends Pick<ScheduleRecord, 'revision' | 'specStamp' | 'createdMs' | 'changedMs'> {
  readonly facts: ScheduleFacts;
}

export function factsText({ business, owner, source, calendar, pauseReason }: ScheduleFacts): string {
  const stored: Record<keyof StoredFacts, string | undefined> = {
    b: business ?? undefined,
    o: owner ?? undefined,
    f: source,
    k: calendar ?? undefined,
    p: pauseReason ?? undefined,
  };
  return JSON.stringify(stored);
}

const HEAD = /^(\d+);(\d+);(\d+);(\d+);[01];/;

/** What people filter by, of a head. Null = there is none, or it is damaged. Lists read many: the numbers before it are left alone. */
export function parseScheduleFacts(raw: unknown): ScheduleFacts | null {
  const head = textOrNull(raw) ?? '';
  const start = head.indexOf('{');
  if (start < 0) return null;
  try {
    const { b = null, o = null, f, k = null, p = null } = JSON.parse(head.slice(start)) as StoredFacts;
    return { business: b, owner: o, source: f, calendar: k, pauseReason: p };
  } catch {
    return null;
  }
}

/**
 * Reads `<revision>;<stamp of the specification>;<created ms>;<changed ms>;<paused>;<facts>`. Null = there is none, or it is damaged:
 * fsck finds it.
 */
function parseHead(raw: unknown): Head | null {
  const match = HEAD.exec(textOrNull(raw) ?? '');
  const facts = match && parseScheduleFacts(raw);
  if (!facts) return null;
  const [revision, specStamp, createdMs, changedMs] = match.slice(1, 5).map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return { revision, specStamp, createdMs, changedMs, facts };
}

/** A number; null for '' or nil. */
export function numberOrNull(raw: unknown): number | null {
  const text = textOrNull(raw);
  return text === null || text === '' ? null : Number(text);
}

/** IDs with a zero byte before the first and behind each: a script finds one of them as a text. */
export const idsText = (ids: readonly string[]): string => (ids.length === 0 ? '' : `\0${ids.join('\0')}\0`);
const idsIn = (text: string): string[] => text.split('\0').filter((id) => id !== '');

type RawSchedule = readonly [
  spec: unknown,
  stamp: unknown,
  ledger: unknown,
  last: unknown,
  next: unknown,
  runs: unknown,
  open: unknown,
  awaits: unknown,
  planned: unknown,
  no: unknown,
  look: unknown,
  head: unknown,
  name: unknown,
  failing: unknown,
];

/** A row of the prelude `schedules`; null = it cannot be read. */
export function parseSchedule(queue: string, raw: unknown): ScheduleRecord | null {
  const [spec, stamp, ledger, last, next, runs, open, awaits, , , look, rawHead, name, failing] =
    raw as RawSchedule;
  const parsed = parseHead(rawHead);
  if (!parsed) return null;
  const { facts, ...head } = parsed;
  return {
    queue,
    name: textOf(name),
    ...head,
    ...facts,
    stamp: Number(textOf(stamp)),
    spec: textOf(spec),
    ledger: textOf(ledger),
    lastFireMs: numberOrNull(last),
    nextFireMs: numberOrNull(next),
    nextLookMs: numberOrNull(look),
    runs: Number(textOf(runs)),
    open: idsIn(textOrNull(open) ?? ''),
    awaitsEnd: textOrNull(awaits) === '1',
    failing: failing !== null,
  };
}

/** Bytes that a call carries for a schedule, about. */
export const putSize = ({ spec, owner, pauseReason }: SchedulePut): number =>
  spec.length + (owner?.length ?? 0) + (pauseReason?.length ?? 0);
