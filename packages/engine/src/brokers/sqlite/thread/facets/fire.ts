// Fires: what a scheduler has decided about a schedule is written whole or not at all. Requests share a transaction, which is not
// rolled back for one of them: all checks of a schedule come before its first write. Runs in the writer thread; its calls come from
// main/facets/schedules.ts.
import { FIRE_OUTCOMES, type FireWriteOutcome } from '../../../../broker/fires.ts';
import { plain, type Bytes, type Packet } from '../../packing.ts';
import { NEW_TASK, type NewTaskItem, type Row } from '../../rows.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';
import type { PlanRow } from '../../schedule-rows.ts';
import type { FiringRow } from '../tables/schedules.ts';
import { createPlanner } from './schedules.ts';
import { createTaskStorer } from './submit.ts';

/** A line of the history; `tasks` of the write's rows are its own. */
export interface FireItem {
  /** Index in `FIRE_OUTCOMES`. */
  readonly outcome: number;
  readonly fireMs: number;
  readonly toMs: number;
  readonly count: number;
  readonly tasks: number;
}

export interface FireWriteItem {
  readonly name: string;
  readonly stamp: number;
  readonly plan: PlanRow;
  readonly fires: readonly FireItem[];
  /** The tasks of all its fires, in order. */
  readonly rows: readonly Row<NewTaskItem>[];
}

/** Asks to write fires. The payloads of the tasks are the packet's bytes, in the order of all rows. */
export interface FireRequest {
  readonly queue: string;
  readonly writes: readonly FireWriteItem[];
}

const MANUAL = FIRE_OUTCOMES.indexOf('manual');

/** A write that has passed its checks. */
interface CheckedWrite {
  readonly entry: QueueEntry;
  readonly schedule: FiringRow;
  readonly write: FireWriteItem;
  readonly tasks: readonly NewTaskItem[];
  readonly payloads: readonly Bytes[];
  readonly nowMs: number;
}

/** Makes the function that says why nothing may be written; null = it may. */
function createWriteCheck({ database, locks }: Store) {
  const findId = database.prepare('SELECT 1 FROM task WHERE queue = ? AND id = ?');

  /** Checked before the first write, as a part of a fire must never be stored. */
  function refusal({ entry, tasks, nowMs }: CheckedWrite): FireWriteOutcome | null {
    const ids = new Set<string>();
    const keys = new Set<string>();
    for (const { id, uniqueKey } of tasks) {
      if (ids.has(id) || findId.get(entry.number, id)) return { code: 'refused', cause: 'task-exists' };
      ids.add(id);
      if (uniqueKey === null) continue;
      if (keys.has(uniqueKey) || locks.isHeld(uniqueKey, nowMs))
        return { code: 'refused', cause: 'duplicate-task' };
      keys.add(uniqueKey);
    }
    return null;
  }

  return (checked: CheckedWrite): FireWriteOutcome | null => {
    const { schedule, write, nowMs } = checked;
    const { fires } = write;
    // Another scheduler was faster, or somebody has changed the schedule: this is what makes each logical time at most one fire.
    if (schedule.stamp !== write.stamp) return { code: 'changed' };
    if (schedule.pauseReason !== null && fires.some(({ outcome }) => outcome !== MANUAL))
      return { code: 'paused' };
    // The caller's clock may be ahead.
    if (fires.some(({ fireMs, toMs }) => fireMs > nowMs || toMs > nowMs)) return { code: 'in-future', nowMs };
    return refusal(checked);
  };
}

/** Makes the function that stores tasks, history and plan of a write that was checked. */
function createFireStorer(store: Store) {
  const { fires } = store;
  const storeTask = createTaskStorer(store);
  const setPlan = createPlanner(store);

  return ({ entry, schedule, write, tasks, payloads, nowMs }: CheckedWrite): void => {
    let next = 0;
    for (const fire of write.fires) {
      const first = tasks[next]?.id ?? null;
      // Name by name: to spread them takes longer than the insert.
      const line = fires.add({
        schedule: schedule.no,
        queue: entry.number,
        outcome: fire.outcome,
        fireMs: fire.fireMs,
        toMs: fire.toMs,
        count: fire.count,
        atMs: nowMs,
        task: fire.tasks > 0 ? first : null,
        tasks: fire.tasks,
      });
      for (const end = next + fire.tasks; next < end; next += 1) {
        const task = tasks[next]!;
        const { seq } = storeTask(task, { entry, payload: payloads[next] ?? null, nowMs });
        if (seq === 0) throw new TypeError(`task ${task.id} was checked, yet it cannot be stored`);
        fires.addRun(entry, { schedule: schedule.no, id: task.id, line, seq });
      }
    }
    // Several lines may reach the bound within this write.
    if (write.fires.length > 1 || (write.fires.length === 1 && schedule.isFull === 1))
      fires.trim(schedule.no);
    setPlan(schedule, write.plan, { entry, nowMs });
  };
}

export function createFireHandlers(store: Store) {
  const { queues, schedules } = store;
  const check = createWriteCheck(store);
  const storeFires = createFireStorer(store);

  return {
    /** Schedule by schedule: one that is refused does not affect the others. */
    scheduleFire({ data, bytes }: Packet<FireRequest>, { wallMs }: Now): Packet<FireWriteOutcome[]> {
      const nowMs = Math.floor(wallMs);
      let from = 0;
      const outcomes = data.writes.map((write): FireWriteOutcome => {
        const payloads = bytes.slice(from, from + write.rows.length);
        from += write.rows.length;
        const schedule = schedules.findFiring(write.name);
        const entry = queues.find(data.queue);
        if (!schedule || !entry || schedule.queue !== entry.number) return { code: 'changed' };
        const checked = { entry, schedule, write, payloads, nowMs, tasks: write.rows.map(NEW_TASK.fromRow) };
        const refused = check(checked);
        if (refused) return refused;
        storeFires(checked);
        return { code: 'fired' };
      });
      return plain(outcomes);
    },
  };
}
