// The scheduler-entries facet on the main thread: what schedulers show of themselves, as requests of the writer thread.
import type { SchedulerEntries } from '../../../../broker/scheduler-entries.ts';
import { plain } from '../../packing.ts';
import type { Writer } from '../writer.ts';

/** Rounds up to whole seconds, as Asynq stores times to live. */
const wholeSeconds = (ms: number): number => Math.ceil(ms / 1_000) * 1_000;

export function createSchedulerEntries(writer: Writer): SchedulerEntries {
  return {
    async writeEntries(scheduler, { entries, ttlMs }) {
      const rows = entries.map(({ id, spec, type, options, nextMs, prevMs }) => ({
        id,
        spec,
        type,
        options: JSON.stringify(options),
        nextMs,
        prevMs,
      }));
      // Payloads travel as bytes, one per row.
      const bytes = entries.map(({ payload }) => payload);
      const data = { scheduler, ttlMs: wholeSeconds(ttlMs), entries: rows };
      await writer.run('entriesWrite', { data, bytes });
    },

    async clearEntries(scheduler) {
      await writer.run('entriesClear', plain({ scheduler }));
    },

    async entries() {
      const { data, bytes } = await writer.run('entriesList', plain(null));
      return data.map((row, index) => ({
        ...row,
        payload: bytes[index] ?? null,
        options: JSON.parse(row.options) as string[],
      }));
    },

    async recordEvent(entryId, { taskId, atMs }) {
      await writer.run('eventAdd', plain({ entryId, taskId, atMs }));
    },

    async events(entryId, { page, pageSize }) {
      const call = { entryId, skip: (page - 1) * pageSize, limit: pageSize };
      return [...(await writer.run('eventsList', plain(call))).data];
    },

    async clearEvents(entryIds) {
      await writer.run('eventsClear', plain(entryIds));
    },
  };
}
