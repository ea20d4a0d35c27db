import type { Documents } from '../broker/documents.ts';

/** Names the kind of document: figures that take too long to be made for each who asks. */
const KIND = 'figures';
const RENEWED_ID = 'renewed';
const SCHEDULES_ID = 'schedules';
const MEMORY_ID = 'memory-';
/** Queues in one document: documents are small. */
const QUEUES_PER_DOCUMENT = 500;

/** Numbers of schedules. Those that fail or are late are also among the active or the paused ones. */
export interface ScheduleFigures {
  readonly active: number;
  readonly paused: number;
  readonly failing: number;
  readonly late: number;
}

/** Figures that one instance renews once a minute, and all read. */
export interface StoredFigures {
  /** When they were renewed, by the broker's clock, wall-clock ms. */
  readonly atMs: number;
  /** Estimated bytes by stored queue. */
  readonly memory: ReadonlyMap<string, number>;
  readonly schedules: ScheduleFigures;
}

const NO_SCHEDULES: ScheduleFigures = { active: 0, paused: 0, failing: 0, late: 0 };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Only what is a count: other programs may have spoilt what is stored. */
const countsIn = (value: unknown): [string, number][] =>
  isRecord(value)
    ? Object.entries(value).filter((entry): entry is [string, number] => Number.isFinite(entry[1]))
    : [];

/** The figures; null = none were stored yet. */
export async function readFigures(documents: Pick<Documents, 'list'>): Promise<StoredFigures | null> {
  const memory = new Map<string, number>();
  let schedules = NO_SCHEDULES;
  let atMs: number | null = null;
  for (const { id, value } of await documents.list(KIND)) {
    if (id === SCHEDULES_ID) schedules = { ...schedules, ...Object.fromEntries(countsIn(value)) };
    else if (id.startsWith(MEMORY_ID)) for (const [queue, bytes] of countsIn(value)) memory.set(queue, bytes);
    else if (id === RENEWED_ID && isRecord(value)) atMs = Number(value['atMs']);
  }
  return atMs === null || !Number.isFinite(atMs) ? null : { atMs, memory, schedules };
}

/** The documents that figures are stored as. */
function documentsOf({ memory, schedules }: StoredFigures): Map<string, unknown> {
  const queues = [...memory.keys()].sort();
  const found = new Map<string, unknown>([[SCHEDULES_ID, schedules]]);
  for (let from = 0; from < queues.length; from += QUEUES_PER_DOCUMENT) {
    const part = queues.slice(from, from + QUEUES_PER_DOCUMENT);
    const bytes = Object.fromEntries(part.map((queue) => [queue, memory.get(queue)]));
    found.set(`${MEMORY_ID}${from / QUEUES_PER_DOCUMENT}`, bytes);
  }
  return found;
}

/** Stores figures in place of those before. Documents that stay the same are not written. */
export async function writeFigures(
  documents: Pick<Documents, 'list' | 'put' | 'remove'>,
  figures: StoredFigures,
): Promise<void> {
  const stored = new Map((await documents.list(KIND)).map(({ id, value }) => [id, JSON.stringify(value)]));
  const wanted = documentsOf(figures);
  for (const [id, value] of wanted)
    if (stored.get(id) !== JSON.stringify(value)) await documents.put(KIND, id, value);
  for (const id of stored.keys()) if (id !== RENEWED_ID && !wanted.has(id)) await documents.remove(KIND, id);
  // Last: the time says that all the rest is there.
  await documents.put(KIND, RENEWED_ID, { atMs: figures.atMs });
}
