// The scheduler-entries facet on the main thread: what schedulers show of themselves, as requests of the writer thread.
import type { SchedulerEntries } from '../../../../broker/scheduler-entries.ts';
import { plain } from '../../packing.ts';
import type { StoreCalls } from '../../thread/requests.ts';
import { wholeSeconds } from './submit.ts';

/** The thread removes all entries and events when the file is opened: their schedulers ended with the last process. */
export function createSchedulerEntries(writer: StoreCalls): SchedulerEntries {
  return {
    async writeEntries(scheduler, { entries, ttlMs }) {
      // Options are stored as one text, because no query reads them.
      const data = {
        scheduler,
        ttlMs: wholeSeconds(ttlMs),
        entries: entries.map(({ payload: _payload, options, ...entry }) => ({
          ...entry,
          options: JSON.stringify(options),
        })),
      };
      // Payloads travel as bytes, one per entry.
      await writer.run('entriesWrite', { data, bytes: entries.map(({ payload }) => payload) });
    },

    // Sent when a scheduler stops; without it the entries expire.
    async clearEntries(scheduler) {
      await writer.ask('entriesClear', { scheduler });
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
      await writer.ask('eventAdd', { entryId, taskId, atMs });
    },

    // Pages count from 1.
    events: (entryId, { page, pageSize }) =>
      writer.ask('eventsList', { entryId, skip: (page - 1) * pageSize, limit: pageSize }),

    async clearEvents(entryIds) {
      await writer.ask('eventsClear', entryIds);
    },
  };
}
