// What schedulers show of themselves, for inspectors: their entries and the history of each. Runs in the writer thread; its
// calls come from main/facets/scheduler-entries.ts.
import type { SqlValue } from '../database.ts';
import { plain, type Packet } from '../../packing.ts';
import type { Now, Store } from '../store.ts';

/** An entry; `options` is JSON. Its payload is the item with the same index in the packet's bytes. */
export type EntryRow = readonly [
  id: string,
  spec: string,
  type: string,
  options: string,
  nextMs: number | null,
  prevMs: number | null,
];

export interface EntriesWriteCall {
  readonly scheduler: string;
  readonly ttlMs: number;
  readonly entries: readonly EntryRow[];
}

export interface EventCall {
  readonly entryId: string;
  readonly taskId: string;
  readonly atMs: number;
  /** How many events of the entry are kept. */
  readonly maxEvents: number;
}

export interface EventsCall {
  readonly entryId: string;
  /** How many of the newest events to leave out. */
  readonly skip: number;
  readonly limit: number;
}

export type EventRow = readonly [taskId: string, atMs: number];

const MAX_ENTRIES = 10_000;
/** An empty payload counts as none. */
const bytesOf = (value: SqlValue | undefined): Uint8Array | null =>
  value instanceof Uint8Array && value.length > 0 ? value : null;

function createEntryHandlers({ database }: Store) {
  const removeOf = database.prepare('DELETE FROM scheduler_entry WHERE scheduler = ?');
  const removeExpired = database.prepare('DELETE FROM scheduler_entry WHERE until_ms < ?');
  const insert = database.prepare('INSERT INTO scheduler_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const select = database.prepare(
    `SELECT id, spec, type, options, next_ms, prev_ms, payload FROM scheduler_entry LIMIT ${MAX_ENTRIES}`,
  );

  return {
    /** Replaces the entries of a scheduler. They expire after `ttlMs`, unless they are written again. */
    entriesWrite({ data, bytes }: Packet<EntriesWriteCall>, { wallMs }: Now): Packet<null> {
      removeOf.run(data.scheduler);
      data.entries.forEach((row, index) =>
        insert.run(data.scheduler, index, wallMs + data.ttlMs, ...row, bytes[index] ?? null),
      );
      return plain(null);
    },

    entriesClear({ data }: Packet<{ readonly scheduler: string }>): Packet<null> {
      removeOf.run(data.scheduler);
      return plain(null);
    },

    entriesList(_: Packet<null>, { wallMs }: Now): Packet<readonly EntryRow[]> {
      removeExpired.run(wallMs);
      const rows = select.all();
      return {
        data: rows.map((row) => row.slice(0, -1) as unknown as EntryRow),
        bytes: rows.map((row) => bytesOf(row.at(-1))),
      };
    },
  };
}

function createEventHandlers({ database }: Store) {
  const insert = database.prepare('INSERT OR IGNORE INTO enqueue_event VALUES (?, ?, ?)');
  const newest = 'SELECT at_ms, task FROM enqueue_event WHERE entry = ? ORDER BY at_ms DESC, task DESC';
  const trim = database.prepare(
    `DELETE FROM enqueue_event WHERE entry = ?
      AND (at_ms, task) <= (${newest} LIMIT 1 OFFSET ?)`,
  );
  const page = database.prepare(`${newest} LIMIT ? OFFSET ?`);
  const removeOf = database.prepare('DELETE FROM enqueue_event WHERE entry = ?');

  return {
    /** Adds an event to an entry's history, and removes the oldest ones beyond `maxEvents`. */
    eventAdd({ data: { entryId, taskId, atMs, maxEvents } }: Packet<EventCall>): Packet<null> {
      insert.run(entryId, atMs, taskId);
      trim.run(entryId, entryId, maxEvents);
      return plain(null);
    },

    /** Newest first. */
    eventsList: ({ data: { entryId, skip, limit } }: Packet<EventsCall>): Packet<readonly EventRow[]> =>
      plain(page.all(entryId, limit, skip).map(([atMs, task]): EventRow => [String(task), Number(atMs)])),

    eventsClear({ data }: Packet<readonly string[]>): Packet<null> {
      for (const entryId of data) removeOf.run(entryId);
      return plain(null);
    },
  };
}

/** Removes what the last process has left when the file is opened: its schedulers ended with it. */
export function createSchedulerEntryHandlers(store: Store) {
  store.database.exec('DELETE FROM scheduler_entry; DELETE FROM enqueue_event');
  return { ...createEntryHandlers(store), ...createEventHandlers(store) };
}
