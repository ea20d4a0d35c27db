// The history: packed pages, and what they are made of. Runs in the writer thread; its calls come from main/facets/history.ts.
import {
  HISTORY_KEPT,
  HISTORY_STEP_MS,
  REPORT_GRACE_MS,
  REPORTS_KEPT,
  type HistoryPage,
  type HistoryPut,
  type HistoryRange,
  type HistoryReport,
  type HistoryState,
  type HistoryStep,
} from '../../../../broker/history.ts';
import { plain, type Packet } from '../../packing.ts';
import type { Now, Store } from '../store.ts';

/** A put. The bytes of the packet are those of the pages, then those of the baselines. */
export interface HistoryPutRow extends Pick<HistoryPut, 'version' | 'minute' | 'hour' | 'removed'> {
  readonly pages: readonly Omit<HistoryPage, 'data'>[];
  /** Stored queues. */
  readonly baselines: readonly string[];
}

type StateRow = Pick<HistoryState, 'version' | 'minute' | 'hour'>;

/** The state, and the stored queues whose baselines are the bytes of the packet. */
export interface HistoryStateRow extends StateRow {
  readonly nowMs: number;
  readonly queues: readonly string[];
}

const STEPS: readonly HistoryStep[] = ['minute', 'hour'];
/** A put removes as many at most: more than it adds. */
const MAX_REMOVED_PAGES = 64;

const firstKept = (step: HistoryStep, { wallMs }: Now): number =>
  Math.floor(wallMs / HISTORY_STEP_MS[step]) - HISTORY_KEPT[step];

function createPages({ database }: Store) {
  const write = database.named<HistoryPage>(
    'INSERT OR REPLACE INTO history_page (by, step, at, data) VALUES (:by, :step, :at, :data)',
  );
  const list = database.named<HistoryRange & { first: number }, HistoryPage>(`
    SELECT by, step, at, data FROM history_page
    WHERE step = :step AND by = :by AND at >= max(:from, :first) AND at < :to ORDER BY at`);
  const remove = database.named<{ step: HistoryStep; first: number }>(`
    DELETE FROM history_page WHERE rowid IN
      (SELECT rowid FROM history_page WHERE step = :step AND at < :first LIMIT ${MAX_REMOVED_PAGES})`);
  return {
    write: (page: HistoryPage) => void write.run(page),
    list: (range: HistoryRange, now: Now) => list.all({ ...range, first: firstKept(range.step, now) }),
    removeOld: (now: Now) => STEPS.forEach((step) => remove.run({ step, first: firstKept(step, now) })),
  };
}

/** Requests about reports, and how a put takes them. */
function createReports({ database }: Store) {
  const write = database.named<HistoryReport>(
    'INSERT OR REPLACE INTO history_report (minute, process, data) VALUES (:minute, :process, :data)',
  );
  const list = database.named<{ first: number }, HistoryReport>(
    'SELECT minute, process, data FROM history_report WHERE minute >= :first ORDER BY minute, process',
  );
  const removeUpTo = database.named<{ minute: number }>('DELETE FROM history_report WHERE minute <= :minute');
  const firstMinute = ({ wallMs }: Now) => Math.floor(wallMs / HISTORY_STEP_MS.minute) - REPORTS_KEPT;
  const requests = {
    /** The bytes are the report's data. */
    historyReport({ data, bytes }: Packet<Omit<HistoryReport, 'data'>>, now: Now): Packet<boolean> {
      if (now.wallMs >= (data.minute + 1) * HISTORY_STEP_MS.minute + REPORT_GRACE_MS) return plain(false);
      removeUpTo.run({ minute: firstMinute(now) - 1 });
      write.run({ ...data, data: bytes[0]! });
      return plain(true);
    },

    /** The bytes are those of the reports. */
    historyReports(_: Packet<null>, now: Now): Packet<Omit<HistoryReport, 'data'>[]> {
      const found = list.all({ first: firstMinute(now) });
      return {
        data: found.map(({ minute, process }) => ({ minute, process })),
        bytes: found.map(({ data }) => data),
      };
    },
  };
  return { requests, removeUpTo: (minute: number) => void removeUpTo.run({ minute }) };
}

function createBaselines({ database }: Store) {
  const write = database.named<{ queue: string; data: Uint8Array }>(
    'INSERT OR REPLACE INTO history_baseline (queue, data) VALUES (:queue, :data)',
  );
  const list = database.named<void, { queue: string; data: Uint8Array }>(
    'SELECT queue, data FROM history_baseline ORDER BY queue',
  );
  const remove = database.named<{ queue: string }>('DELETE FROM history_baseline WHERE queue = :queue');
  return {
    write: (queue: string, data: Uint8Array) => void write.run({ queue, data }),
    list: () => list.all(),
    remove: (queue: string) => void remove.run({ queue }),
  };
}

export function createHistoryHandlers(store: Store) {
  const { database } = store;
  const [pages, reports, baselines] = [createPages(store), createReports(store), createBaselines(store)];
  const readState = database.named<void, StateRow>('SELECT version, minute, hour FROM history_state');
  const writeState = database.named<StateRow>(
    'INSERT OR REPLACE INTO history_state (one, version, minute, hour) VALUES (1, :version, :minute, :hour)',
  );
  const state = (): StateRow => readState.get() ?? { version: 0, minute: null, hour: null };

  return {
    ...reports.requests,

    historyState(_: Packet<null>, { wallMs }: Now): Packet<HistoryStateRow> {
      const found = baselines.list();
      return {
        data: { ...state(), nowMs: wallMs, queues: found.map(({ queue }) => queue) },
        bytes: found.map(({ data }) => data),
      };
    },

    /** False = the version is another one, and nothing was written. */
    historyPut({ data, bytes }: Packet<HistoryPutRow>, now: Now): Packet<boolean> {
      const stored = state();
      if (stored.version !== data.version) return plain(false);
      for (const [i, page] of data.pages.entries()) pages.write({ ...page, data: bytes[i]! });
      for (const [i, queue] of data.baselines.entries())
        baselines.write(queue, bytes[data.pages.length + i]!);
      for (const queue of data.removed) baselines.remove(queue);
      reports.removeUpTo(data.minute);
      pages.removeOld(now);
      const { version, minute } = data;
      writeState.run({ version: version + 1, minute, hour: data.hour ?? stored.hour });
      return plain(true);
    },

    /** The bytes are those of the pages. */
    historyPages({ data: range }: Packet<HistoryRange>, now: Now): Packet<number[]> {
      const found = pages.list(range, now);
      return { data: found.map(({ at }) => at), bytes: found.map(({ data }) => data) };
    },
  };
}
