// The scheduler-entries facet on the main thread: turns its methods into requests of the writer thread.
import { MAX_EVENTS, type EntryRecord, type SchedulerEntries } from '../../../../broker/scheduler-entries.ts';
import type { EntryRow } from '../../thread/facets/scheduler-entries.ts';
import { plain, type Bytes } from '../../packing.ts';
import type { Writer } from '../writer.ts';

const rowOf = ({ id, spec, type, options, nextMs, prevMs }: EntryRecord): EntryRow => [
  id,
  spec,
  type,
  JSON.stringify(options),
  nextMs,
  prevMs,
];

const recordOf = (row: EntryRow, payload: Bytes): EntryRecord => {
  const [id, spec, type, options, nextMs, prevMs] = row;
  return { id, spec, type, payload, options: JSON.parse(options) as string[], nextMs, prevMs };
};

/** Rounds up to whole seconds, as Asynq stores times to live. */
const wholeSeconds = (ms: number): number => Math.ceil(ms / 1_000) * 1_000;

export function createSchedulerEntries(writer: Writer): SchedulerEntries {
  return {
    async writeEntries(scheduler, { entries, ttlMs }) {
      const data = { scheduler, ttlMs: wholeSeconds(ttlMs), entries: entries.map(rowOf) };
      await writer.run('entriesWrite', { data, bytes: entries.map(({ payload }) => payload) });
    },

    async clearEntries(scheduler) {
      await writer.run('entriesClear', plain({ scheduler }));
    },

    async entries() {
      const { data, bytes } = await writer.run('entriesList', plain(null));
      return data.map((row, index) => recordOf(row, bytes[index] ?? null));
    },

    async recordEvent(entryId, { taskId, atMs }) {
      await writer.run('eventAdd', plain({ entryId, taskId, atMs, maxEvents: MAX_EVENTS }));
    },

    async events(entryId, { page, pageSize }) {
      const call = { entryId, skip: (page - 1) * pageSize, limit: pageSize };
      const { data } = await writer.run('eventsList', plain(call));
      return data.map(([taskId, atMs]) => ({ taskId, atMs }));
    },

    async clearEvents(entryIds) {
      await writer.run('eventsClear', plain(entryIds));
    },
  };
}
