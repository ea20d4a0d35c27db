// What schedulers show of themselves, for inspectors: their entries and the history of each. Runs in the writer thread; its
// calls come from main/facets/scheduler-entries.ts.
import { MAX_EVENTS, type EnqueueEvent, type EntryRecord } from '../../../../broker/scheduler-entries.ts';
import { plain, type Bytes, type Packet } from '../../packing.ts';
import type { Now, Store } from '../store.ts';

/** An entry; `options` is JSON. Its payload is the item with the same index in the packet's bytes. */
export type EntryRow = Omit<EntryRecord, 'payload' | 'options'> & { readonly options: string };

/** Asks to replace all entries of a scheduler. */
export interface EntriesWriteRequest {
  readonly scheduler: string;
  /** How long they are shown, unless they are written again. */
  readonly ttlMs: number;
  readonly entries: readonly EntryRow[];
}

/** A task that an entry has enqueued. */
export interface EventAddRequest extends EnqueueEvent {
  readonly entryId: string;
}

/** Asks for a page of an entry's history. */
export interface EventsListRequest {
  readonly entryId: string;
  /** How many of the newest events to leave out. */
  readonly skip: number;
  readonly limit: number;
}

/** Most entries that are read, of all schedulers together. The rest is not shown. */
const MAX_ENTRIES = 10_000;

/** Requests about entries: each scheduler writes its own as a whole. */
function createEntryHandlers({ database }: Store) {
  const removeOf = database.prepare('DELETE FROM scheduler_entry WHERE scheduler = ?');
  const removeExpired = database.prepare('DELETE FROM scheduler_entry WHERE until_ms < ?');
  const insert = database.named<
    EntryRow & { scheduler: string; index: number; untilMs: number; payload: Bytes }
  >(`INSERT INTO scheduler_entry (scheduler, place, until_ms, id, spec, type, options, next_ms, prev_ms, payload)
    VALUES (:scheduler, :index, :untilMs, :id, :spec, :type, :options, :nextMs, :prevMs, :payload)`);
  const select = database.named<void, EntryRow & { payload: Bytes }>(`
    SELECT id, spec, type, options, next_ms AS nextMs, prev_ms AS prevMs, payload
    FROM scheduler_entry LIMIT ${MAX_ENTRIES}`);

  return {
    /** Replaces the entries of a scheduler. They expire after `ttlMs`, unless they are written again. */
    entriesWrite({ data, bytes }: Packet<EntriesWriteRequest>, { wallMs }: Now): Packet<null> {
      const { scheduler, ttlMs, entries } = data;
      removeOf.run(scheduler);
      for (const [index, entry] of entries.entries())
        insert.run({ ...entry, scheduler, index, untilMs: wallMs + ttlMs, payload: bytes[index] ?? null });
      return plain(null);
    },

    entriesClear({ data }: Packet<{ readonly scheduler: string }>): Packet<null> {
      removeOf.run(data.scheduler);
      return plain(null);
    },

    /** The entries of all schedulers, without expired ones. */
    entriesList(_: Packet<null>, { wallMs }: Now): Packet<EntryRow[]> {
      removeExpired.run(wallMs);
      const rows = select.all();
      return {
        data: rows.map(({ payload: _payload, ...entry }) => entry),
        // An empty payload counts as none.
        bytes: rows.map(({ payload }) => (payload?.length ? payload : null)),
      };
    },
  };
}

/** Requests about the history of entries. */
function createEventHandlers({ database }: Store) {
  const insert = database.named<EventAddRequest>(
    'INSERT OR IGNORE INTO enqueue_event VALUES (:entryId, :atMs, :taskId)',
  );
  const newest = 'FROM enqueue_event WHERE entry = :entryId ORDER BY at_ms DESC, task DESC';
  const trim = database.named<{ entryId: string }>(`
    DELETE FROM enqueue_event WHERE entry = :entryId
      AND (at_ms, task) <= (SELECT at_ms, task ${newest} LIMIT 1 OFFSET ${MAX_EVENTS})`);
  const page = database.named<EventsListRequest, EnqueueEvent>(
    `SELECT task AS taskId, at_ms AS atMs ${newest} LIMIT :limit OFFSET :skip`,
  );
  const removeOf = database.prepare('DELETE FROM enqueue_event WHERE entry = ?');

  return {
    /** Adds an event to an entry's history, and removes the oldest ones beyond `MAX_EVENTS`. */
    eventAdd({ data }: Packet<EventAddRequest>): Packet<null> {
      insert.run(data);
      trim.run(data);
      return plain(null);
    },

    /** Newest first. */
    eventsList: ({ data }: Packet<EventsListRequest>): Packet<EnqueueEvent[]> => plain(page.all(data)),

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
