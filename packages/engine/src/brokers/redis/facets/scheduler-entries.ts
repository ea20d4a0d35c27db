// The scheduler-entries facet on Redis, in Asynq's form. A scheduler's entries are one list, which expires unless the
// scheduler writes it again. The history of an entry is a sorted set.
import {
  MAX_EVENTS,
  type EnqueueEvent,
  type EventPage,
  type EntryRecord,
  type SchedulerEntries,
} from '../../../broker/scheduler-entries.ts';
import { msOf, secondsDown, secondsUp, timestampOf, type Timestamp } from '../../../protocol/go-time.ts';
import {
  isSchedulerEntriesKey,
  SCHEDULE_VIEW,
  schedulerEntriesKey,
  schedulerHistoryKey,
  SCHEDULERS_KEY,
} from '../../../protocol/keys.ts';
import {
  decodeSchedulerEnqueueEvent,
  decodeSchedulerEntry,
  encodeSchedulerEnqueueEvent,
  encodeSchedulerEntry,
} from '../../../protocol/scheduler-entry.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { presenceIndex, presenceList } from '../scripts/presence/table.ts';
import {
  schedulerEvent,
  schedulerHistory,
  schedulerRead,
  schedulerWrite,
} from '../scripts/scheduler-entries/table.ts';
import { callChunks } from '../calls/batches.ts';
import { decodedOrNull } from '../records/stored-message.ts';

/** Entries read of one scheduler. A foreign scheduler may have written any number. */
const MAX_ENTRIES_PER_SCHEDULER = 10_000;

/** What the facet `schedules` has is no entry of a scheduler: it is shown as one to Go's tools alone. */
const VIEW_KEY = schedulerEntriesKey(SCHEDULE_VIEW);

/** Encodes Asynq's SchedulerEntry. */
const encodeEntry = ({ id, spec, type, payload, options, nextMs, prevMs }: EntryRecord): Buffer =>
  encodeSchedulerEntry({
    id,
    spec,
    taskType: type,
    taskPayload: payload,
    enqueueOptions: options,
    nextEnqueueTime: timestampOf(nextMs),
    prevEnqueueTime: timestampOf(prevMs),
  });

/** Wall-clock ms; null = never, or the field is absent. */
const timeMs = (time: Timestamp | null): number | null => (time === null ? null : msOf(time));

/** Decodes an entry; null for invalid bytes. */
function entryRecord(bytes: Buffer): EntryRecord | null {
  const entry = decodedOrNull(decodeSchedulerEntry, bytes);
  return (
    entry && {
      id: entry.id,
      spec: entry.spec,
      type: entry.taskType,
      payload: entry.taskPayload,
      options: entry.enqueueOptions,
      nextMs: timeMs(entry.nextEnqueueTime),
      prevMs: timeMs(entry.prevEnqueueTime),
    }
  );
}

/** Decodes an event of a history; null for invalid bytes. */
function enqueueEvent(bytes: Buffer): EnqueueEvent | null {
  const event = decodedOrNull(decodeSchedulerEnqueueEvent, bytes);
  return event && { taskId: event.taskId, atMs: msOf(event.enqueueTime) ?? 0 };
}

/** Reads a scheduler's entries, each ID once: the list may be rewritten between two pages. */
async function readEntries(client: RedisClient, key: string): Promise<EntryRecord[]> {
  const entries = new Map<string, EntryRecord>();
  for (let first = 0; first < MAX_ENTRIES_PER_SCHEDULER;) {
    const page = await client.run(schedulerRead, { key, first });
    if (page.length === 0) break;
    first += page.length;
    for (const bytes of page) {
      const entry = entryRecord(bytes);
      if (entry) entries.set(entry.id, entry);
    }
  }
  return [...entries.values()];
}

/**
 * Writes what Asynq's scheduler writes in its heartbeat. The expiry is rounded up to whole seconds. Entries that exceed the
 * bounds of one call go into several, which are sent together and in order.
 */
function createWriteEntries({ client }: RedisDeps): SchedulerEntries['writeEntries'] {
  return async (scheduler, { entries, ttlMs }) => {
    const seconds = secondsUp(ttlMs);
    const key = schedulerEntriesKey(scheduler);
    const chunks = callChunks(entries.map(encodeEntry), ({ length }) => length);
    await Promise.all([
      client.run(presenceIndex, { set: SCHEDULERS_KEY, seconds, key }),
      ...chunks.map((chunk, i) =>
        client.run(schedulerWrite, { scheduler, seconds, first: i === 0, entries: chunk }),
      ),
    ]);
  };
}

/** A page of an entry's history. Scores are whole seconds; within a second the events are sorted by their own times. */
async function readEvents(
  client: RedisClient,
  entryId: string,
  { page, pageSize }: EventPage,
): Promise<EnqueueEvent[]> {
  const first = (page - 1) * pageSize;
  const found = await client.run(schedulerHistory, { entryId, first, last: first + pageSize - 1 });
  const events = found.map(enqueueEvent).filter((event) => event !== null);
  return events.sort((a, b) => b.atMs - a.atMs);
}

/** The display of schedulers' entries and histories, shared with Asynq. Nothing is scheduled by it. */
export function createSchedulerEntries(deps: RedisDeps): SchedulerEntries {
  const { client } = deps;
  return {
    writeEntries: createWriteEntries(deps),

    /** Removes a scheduler's entries when it stops. */
    async clearEntries(scheduler) {
      const key = schedulerEntriesKey(scheduler);
      await Promise.all([client.command(['ZREM', SCHEDULERS_KEY, key]), client.command(['DEL', key])]);
    },

    /** The entries of all schedulers that are alive. A name that no scheduler would make is skipped. */
    async entries() {
      const keys = await client.run(presenceList, SCHEDULERS_KEY);
      const ofSchedulers = keys.filter((key) => isSchedulerEntriesKey(key) && key !== VIEW_KEY);
      const found = await Promise.all(ofSchedulers.map((key) => readEntries(client, key)));
      return found.flat();
    },

    /** The script also removes events beyond `MAX_EVENTS`. Asynq's scores are whole seconds, rounded toward zero. */
    async recordEvent(entryId, { taskId, atMs }) {
      const event = encodeSchedulerEnqueueEvent({ taskId, enqueueTime: timestampOf(atMs) });
      await client.run(schedulerEvent, {
        entryId,
        seconds: secondsDown(atMs),
        event,
        maxEvents: MAX_EVENTS,
      });
    },

    events: (entryId, page) => readEvents(client, entryId, page),

    /** One call per history: they may be on different nodes. */
    async clearEvents(entryIds) {
      await Promise.all(entryIds.map((id) => client.command(['DEL', schedulerHistoryKey(id)])));
    },
  };
}
