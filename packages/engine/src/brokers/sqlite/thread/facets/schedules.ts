// Writing schedules, and handing out those that must be looked at. Runs in the writer thread; its calls come from
// main/facets/schedules.ts. Their lists are in schedule-lists.ts, their fires in fire.ts.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../../broker/bounds.ts';
import type {
  PutOutcome,
  RemoveOutcome,
  ScheduleRef,
  ScheduleRemoval,
} from '../../../../broker/schedule-records.ts';
import { HIDE_MS, MAX_AHEAD_MS, type NextLook, type OpenRun } from '../../../../broker/schedules.ts';
import { plain, type Packet } from '../../packing.ts';
import type { Row } from '../../rows.ts';
import { SCHEDULE, type PlanRow, type ScheduleRow } from '../../schedule-rows.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import type { FiringRow, SpecWrite } from '../tables/schedules.ts';

/** A schedule to write. */
export interface PutItem extends SpecWrite {
  readonly queue: string;
  readonly expectedRevision: number;
}

/** A schedule with its specification. */
export interface StoredSchedule {
  readonly row: ScheduleRow;
  readonly spec: string;
}

export interface DueItem {
  readonly row: Row<ScheduleRow>;
  readonly spec: string;
  readonly openRuns: readonly OpenRun[];
  readonly wasAhead: boolean;
}

export interface DueAnswer {
  readonly nowMs: number;
  readonly items: readonly DueItem[];
  readonly nextLookMs: number | null;
}

/** Most open runs that one call looks up. */
const MAX_LOOKED_UP = 1_024;

const openOf = ({ open }: Pick<PlanRow, 'open'>): string[] => JSON.parse(open) as string[];

/** Makes the function that replaces a plan. A run that it no longer counts as open is forgotten once it has ended. */
export function createPlanner({ schedules, fires, queues }: Store) {
  return (row: FiringRow, plan: PlanRow, { entry, nowMs }: { entry: QueueEntry; nowMs: number }): void => {
    schedules.setPlan(row, plan, nowMs);
    const open = openOf(plan);
    if (row.open !== plan.open) {
      const kept = new Set(open);
      fires.drop(
        row.no,
        openOf(row).filter((id) => !kept.has(id)),
      );
    }
    // A run may have ended since the plan was made.
    if (plan.awaitsEnd === 1 && open.some((id) => fires.hasEnded({ schedule: row.no, id })))
      schedules.lookNow(row, nowMs);
    queues.recordLook(entry);
  };
}

/** Makes the function that writes one schedule. */
function createPutter(store: Store) {
  const { queues, schedules } = store;

  function add(item: PutItem, nowMs: number): PutOutcome {
    const entry = queues.ensure(item.queue, true);
    schedules.add(entry, item, nowMs);
    entry.schedules += 1;
    queues.recordLook(entry);
    return { code: 'stored', revision: 1 };
  }

  return (item: PutItem, nowMs: number): PutOutcome => {
    const row = schedules.find(item.name);
    if (item.expectedRevision === 0)
      return row ? { code: 'schedule-exists', queue: row.queueName } : add(item, nowMs);
    const entry = queues.find(item.queue);
    if (!row || !entry || row.queue !== entry.number) return { code: 'not-found' };
    if (row.revision !== item.expectedRevision) return { code: 'version-mismatch', revision: row.revision };
    schedules.change(row, item, nowMs);
    queues.recordLook(entry);
    return { code: 'stored', revision: row.revision + 1 };
  };
}

/** Makes the function that removes one schedule, with its history. */
function createRemover({ queues, schedules, fires }: Store) {
  return ({ queue, name, expectedRevision }: ScheduleRemoval): RemoveOutcome => {
    const entry = queues.find(queue);
    const row = schedules.find(name);
    if (!row || !entry || row.queue !== entry.number) return { code: 'not-found' };
    if (expectedRevision !== undefined && row.revision !== expectedRevision)
      return { code: 'version-mismatch', revision: row.revision };
    fires.removeOf(entry, row.no);
    schedules.remove(row);
    entry.schedules -= 1;
    queues.recordLook(entry);
    return { code: 'removed' };
  };
}

/**
 * Makes the function that hands out schedules. Each is hidden for a while: others get it then, if the scheduler that has it dies.
 * The first one always fits, whatever its size.
 */
function createHandOut({ schedules, fires, queues }: Store) {
  return (entry: QueueEntry, limit: number, nowMs: number): DueItem[] => {
    const items: DueItem[] = [];
    const numbers: number[] = [];
    let bytes = 0;
    let lookedUp = 0;
    for (const found of schedules.due({ queue: entry.number, untilMs: nowMs, limit })) {
      const row = SCHEDULE.fromRow(found);
      const open = openOf(row);
      const spec = schedules.specOf(row.no);
      bytes += spec.length + row.ledger.length;
      lookedUp += open.length;
      if (items.length > 0 && (bytes > MAX_BATCH_BYTES || lookedUp > MAX_LOOKED_UP)) break;
      const openRuns = open.map((id) => fires.lookUp({ schedule: row.no, id }, entry, nowMs));
      const wasAhead = row.plannedMs > nowMs + MAX_AHEAD_MS;
      items.push({ row: found, spec, openRuns, wasAhead });
      numbers.push(row.no);
    }
    if (items.length === 0) return items;
    schedules.hide(numbers, nowMs + HIDE_MS, nowMs);
    queues.recordLook(entry);
    return items;
  };
}

/** Requests of schedulers. */
function createLookHandlers(store: Store) {
  const { queues, schedules } = store;
  const handOut = createHandOut(store);
  const nextLookOf = (name: string): number | null => {
    const entry = queues.find(name);
    return entry && entry.schedules > 0 ? schedules.nextLook(entry.number) : null;
  };

  return {
    /** Changes nothing. Queues without schedules pay no query. */
    scheduleLooks({ data }: Packet<readonly string[]>, { wallMs }: Now): Packet<NextLook[]> {
      return plain(
        data.map((queue) => {
          const nextLookMs = nextLookOf(queue);
          return {
            queue,
            nextLookMs,
            nextLookInMs: nextLookMs === null ? null : Math.max(0, nextLookMs - wallMs),
          };
        }),
      );
    },

    /** Hands out schedules. The next look is that of the queue afterwards. */
    scheduleDue(
      { data }: Packet<{ readonly queue: string; readonly limit: number }>,
      { wallMs }: Now,
    ): Packet<DueAnswer> {
      const nowMs = Math.floor(wallMs);
      const entry = queues.find(data.queue);
      const items =
        entry && entry.schedules > 0
          ? handOut(entry, Math.max(1, Math.min(data.limit, MAX_BATCH)), nowMs)
          : [];
      return plain({ nowMs, items, nextLookMs: nextLookOf(data.queue) });
    },

    /** Passes over what does not exist. */
    scheduleLookNow({ data }: Packet<readonly ScheduleRef[]>, { wallMs }: Now): Packet<null> {
      for (const { queue, name } of data) {
        const entry = queues.find(queue);
        const row = entry && schedules.find(name);
        if (!row || row.queue !== entry.number) continue;
        schedules.lookNow(row, Math.floor(wallMs));
        queues.recordLook(entry);
      }
      return plain(null);
    },
  };
}

export function createScheduleHandlers(store: Store) {
  const { schedules } = store;
  const put = createPutter(store);
  const remove = createRemover(store);

  return {
    ...createLookHandlers(store),

    /** Each is written whole or not at all. */
    schedulePut({ data }: Packet<readonly PutItem[]>, { wallMs }: Now): Packet<PutOutcome[]> {
      return plain(data.map((item) => put(item, Math.floor(wallMs))));
    },

    /** Each goes with its history; its tasks stay. */
    scheduleRemove({ data }: Packet<readonly ScheduleRemoval[]>): Packet<RemoveOutcome[]> {
      return plain(data.map(remove));
    },

    /** Null = there is no such schedule. */
    scheduleGet(
      { data }: Packet<readonly string[]>,
      { wallMs }: Now,
    ): Packet<{ readonly nowMs: number; readonly items: (StoredSchedule | null)[] }> {
      const items = data.map((name) => {
        const row = schedules.find(name);
        return row ? { row, spec: schedules.specOf(row.no) } : null;
      });
      return plain({ nowMs: Math.floor(wallMs), items });
    },
  };
}
