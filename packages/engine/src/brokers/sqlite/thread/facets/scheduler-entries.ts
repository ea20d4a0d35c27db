import type { SqlValue } from '../database.ts';
import { plain, type Packet } from '../../packing.ts';
import type { Now, Store } from '../store.ts';

/** An entry without its payload, which is a place of the bytes; `options` is JSON. */
export type EntryRow = readonly [
  id: string,
  spec: string,
  type: string,
  options: string,
  nextMs: number | null,
  prevMs: number | null,
];

export interface EntriesWrite {
  readonly scheduler: string;
  readonly ttlMs: number;
  readonly entries: readonly EntryRow[];
}

export interface EventCall {
  readonly entryId: string;
  readonly taskId: string;
  readonly atMs: number;
  /** How many are kept. */
  readonly most: number;
}

export interface EventsCall {
  readonly entryId: string;
  readonly skip: number;
  readonly limit: number;
}

export type EventRow = readonly [taskId: string, atMs: number];

const MAX_SHOWN = 10_000;
const bytesOf = (value: SqlValue | undefined): Uint8Array | null =>
  value instanceof Uint8Array && value.length > 0 ? value : null;

function entryOperations({ database }: Store) {
  const drop = database.prepare('DELETE FROM scheduler_entry WHERE scheduler = ?');
  const dropExpired = database.prepare('DELETE FROM scheduler_entry WHERE until_ms < ?');
  const add = database.prepare('INSERT INTO scheduler_entry VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const all = database.prepare(
    `SELECT id, spec, type, options, next_ms, prev_ms, payload FROM scheduler_entry LIMIT ${MAX_SHOWN}`,
  );

  return {
    entriesWrite({ data, bytes }: Packet<EntriesWrite>, { wallMs }: Now): Packet<null> {
      drop.run(data.scheduler);
      data.entries.forEach((row, place) =>
        add.run(data.scheduler, place, wallMs + data.ttlMs, ...row, bytes[place] ?? null),
      );
      return plain(null);
    },

    entriesClear({ data }: Packet<{ readonly scheduler: string }>): Packet<null> {
      drop.run(data.scheduler);
      return plain(null);
    },

    entriesList(_: Packet<null>, { wallMs }: Now): Packet<readonly EntryRow[]> {
      dropExpired.run(wallMs);
      const rows = all.all();
      return {
        data: rows.map((row) => row.slice(0, -1) as unknown as EntryRow),
        bytes: rows.map((row) => bytesOf(row.at(-1))),
      };
    },
  };
}

function eventOperations({ database }: Store) {
  const add = database.prepare('INSERT OR IGNORE INTO enqueue_event VALUES (?, ?, ?)');
  const newest = 'SELECT at_ms, task FROM enqueue_event WHERE entry = ? ORDER BY at_ms DESC, task DESC';
  const trim = database.prepare(
    `DELETE FROM enqueue_event WHERE entry = ?
      AND (at_ms, task) <= (${newest} LIMIT 1 OFFSET ?)`,
  );
  const page = database.prepare(`${newest} LIMIT ? OFFSET ?`);
  const drop = database.prepare('DELETE FROM enqueue_event WHERE entry = ?');

  return {
    eventAdd({ data: { entryId, taskId, atMs, most } }: Packet<EventCall>): Packet<null> {
      add.run(entryId, atMs, taskId);
      trim.run(entryId, entryId, most);
      return plain(null);
    },

    eventsList: ({ data: { entryId, skip, limit } }: Packet<EventsCall>): Packet<readonly EventRow[]> =>
      plain(page.all(entryId, limit, skip).map(([atMs, task]): EventRow => [String(task), Number(atMs)])),

    eventsClear({ data }: Packet<readonly string[]>): Packet<null> {
      for (const entryId of data) drop.run(entryId);
      return plain(null);
    },
  };
}

/** What schedulers show of themselves. Those of the process that had the file before are gone with it. */
export function schedulerOperations(store: Store) {
  store.database.exec('DELETE FROM scheduler_entry; DELETE FROM enqueue_event');
  return { ...entryOperations(store), ...eventOperations(store) };
}
