// Schedules as they are stored: rows of the prelude `schedules`, and what `sch` has of each.
import { END_STATES } from '../../../broker/fires.ts';
import type {
  ScheduleFilter,
  SchedulePut,
  ScheduleRecord,
  ScheduleText,
} from '../../../broker/schedule-records.ts';
import type { DueSchedule, OpenRun } from '../../../broker/schedules.ts';
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

/** Parts of `factsText` that a schedule has which the filter lets pass. Others may have them, too: a filter that is a list has none. */
export function factParts({
  businesses,
  owners,
  source,
  calendar,
  paused,
}: Pick<ScheduleFilter, 'businesses' | 'owners' | 'source' | 'calendar' | 'paused'>): string[] {
  const only = (values: readonly string[] | undefined) => (values?.length === 1 ? values[0] : undefined);
  const wanted: Partial<Record<keyof StoredFacts, string | undefined>> = {
    b: only(businesses),
    o: only(owners),
    f: source,
    k: calendar,
  };
  const parts = Object.entries(wanted).filter(([, value]) => value !== undefined);
  // Without the braces. A quote within a value has a backslash before it.
  const texts = parts.map(([key, value]) => JSON.stringify({ [key]: value }).slice(1, -1));
  return paused === true ? [...texts, '"p":'] : texts;
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

/** A stored schedule. A class, as each look reads thousands: the literal that joins head, facts and row costs 2 KB each time. */
export class KeptSchedule implements ScheduleRecord {
  readonly queue: string;
  readonly name: string;
  readonly revision: number;
  readonly specStamp: number;
  readonly createdMs: number;
  readonly changedMs: number;
  readonly business: string | null;
  readonly owner: string | null;
  readonly source: string;
  readonly calendar: string | null;
  readonly pauseReason: string | null;
  readonly stamp: number;
  readonly spec: string;
  readonly ledger: string;
  readonly lastFireMs: number | null;
  readonly nextFireMs: number | null;
  readonly nextLookMs: number | null;
  readonly runs: number;
  readonly open: readonly string[];
  readonly awaitsEnd: boolean;
  readonly failing: boolean;

  constructor(queue: string, head: Head, row: RawSchedule) {
    const [spec, stamp, ledger, last, next, runs, open, awaits, , , look, , name, failing] = row;
    const { facts } = head;
    this.queue = queue;
    this.name = textOf(name);
    this.revision = head.revision;
    this.specStamp = head.specStamp;
    this.createdMs = head.createdMs;
    this.changedMs = head.changedMs;
    this.business = facts.business;
    this.owner = facts.owner;
    this.source = facts.source;
    this.calendar = facts.calendar;
    this.pauseReason = facts.pauseReason;
    this.stamp = numberOrNull(stamp) ?? 0;
    // Without a head that can be read, nothing is read of the rest.
    this.spec = head === DAMAGED ? '' : textOf(spec);
    this.ledger = textOf(ledger);
    this.lastFireMs = numberOrNull(last);
    this.nextFireMs = numberOrNull(next);
    this.nextLookMs = numberOrNull(look);
    this.runs = numberOrNull(runs) ?? 0;
    this.open = idsIn(textOrNull(open) ?? '');
    this.awaitsEnd = textOrNull(awaits) === '1';
    this.failing = failing !== null;
  }
}

/** What a damaged head stands for. */
const DAMAGED: Head = {
  revision: 0,
  specStamp: 0,
  createdMs: 0,
  changedMs: 0,
  facts: { business: null, owner: null, source: '', calendar: null, pauseReason: null },
};

/** A row of the prelude `schedules`, or, of a schedule that is damaged, its name alone. */
export function parseSchedule(queue: string, raw: unknown): KeptSchedule {
  const fields = raw as readonly unknown[];
  const row = fields.length === 1 ? [...Array.from({ length: 12 }, () => null), fields[0], null] : fields;
  return new KeptSchedule(queue, parseHead(row[11]) ?? DAMAGED, row as unknown as RawSchedule);
}

/** A schedule that is handed out. */
export class HandedOut extends KeptSchedule implements DueSchedule {
  readonly openRuns: readonly OpenRun[];
  readonly wasAhead: boolean;

  constructor(queue: string, head: Head, [row, wasAhead, runs]: RawHandedOut) {
    super(queue, head, row);
    this.openRuns = this.open.map((id, i) => parseRun(id, runs[i]));
    this.wasAhead = wasAhead === 1;
  }
}

/** Reads `<how it ended>;<when>`; '' = it has not ended. */
function parseRun(id: string, raw: unknown): OpenRun {
  const text = textOf(raw);
  if (text === '') return { id, end: null, endedMs: null };
  const [how, endedMs] = text.split(';').map(Number) as [number, number];
  return { id, end: END_STATES[how] ?? 'gone', endedMs };
}

/** As the script `schedule-due` replies with a schedule. */
export type RawHandedOut = readonly [row: RawSchedule, wasAhead: number, runs: readonly unknown[]];

export function parseHandedOut(queue: string, raw: RawHandedOut): HandedOut {
  return new HandedOut(queue, parseHead(raw[0][11]) ?? DAMAGED, raw);
}

/** Bytes that a call carries for a schedule, about. */
export const putSize = ({ spec, owner, pauseReason }: SchedulePut): number =>
  spec.length + (owner?.length ?? 0) + (pauseReason?.length ?? 0);
