import type { TaskAction } from '../../../../broker/control.ts';
import { plain, type Packet } from '../../packing.ts';
import type { QueueEntry } from '../queue-registry.ts';
import {
  ACTIVE,
  AGGREGATING,
  ARCHIVED,
  CANCELLED,
  COMPLETED,
  PENDING,
  SCHEDULED,
  IN_SET,
  type StateNumber,
} from '../../states.ts';
import type { Now, Store } from '../store.ts';
import type { ControlReply, RefCall } from './control.ts';
import { createLocks } from '../tables/locks.ts';
import { INLINE_BYTES } from './submit.ts';

export interface ChangeCall extends RefCall {
  readonly action: TaskAction;
}

export interface ChangeManyCall {
  readonly queue: string;
  readonly action: TaskAction;
  readonly state: StateNumber;
  readonly group: string | null;
  readonly limit: number;
}

/** `state`: where the task was; null = there is none. */
interface Found {
  readonly entry: QueueEntry;
  readonly seq: number;
  readonly state: StateNumber;
}

const REFUSED: Readonly<Record<TaskAction, readonly StateNumber[]>> = {
  run: [ACTIVE, PENDING, IN_SET],
  archive: [ACTIVE, ARCHIVED, IN_SET],
  remove: [ACTIVE, IN_SET],
};
const AFTER: Readonly<Record<TaskAction, StateNumber | null>> = {
  run: PENDING,
  archive: ARCHIVED,
  remove: null,
};

/** What a caller means by a state. */
function statesOf({ state, action, group }: ChangeManyCall): readonly StateNumber[] {
  if (state === COMPLETED) return [COMPLETED, CANCELLED];
  // All tasks of a queue that is removed go, also those that are being aggregated.
  return state === AGGREGATING && action === 'remove' && group === null ? [AGGREGATING, IN_SET] : [state];
}

/** Writes one act; the caller has checked that it may be done. */
function createActor({ database, queues, sequence }: Store) {
  const run = database.prepare(
    'UPDATE task SET state = 1, at = ?, pending_since_ms = ?, finished_ms = NULL, cancel = NULL WHERE seq = ?',
  );
  const archive = database.prepare(
    'UPDATE task SET state = 6, at = ?1, finished_ms = ?1, cancel = NULL WHERE seq = ?2',
  );
  const removal = ['task', 'body', 'attempt'].map((table) =>
    database.prepare(`DELETE FROM ${table} WHERE seq = ?`),
  );
  const locks = createLocks(database);

  return ({ entry, seq, state }: Found, action: TaskAction, nowMs: number): void => {
    if (action === 'run') run.run(sequence.next(), nowMs, seq);
    else if (action === 'archive') archive.run(nowMs, seq);
    else {
      locks.release(seq);
      for (const statement of removal) statement.run(seq);
    }
    queues.recordMove(entry, { from: state, to: AFTER[action], count: 1 });
  };
}

function payloads({ database, queues }: Store) {
  const look = database.prepare('SELECT seq, state FROM task WHERE queue = ? AND id = ?');
  const update = database.prepare('UPDATE task SET payload = ?, size = ? WHERE seq = ?');
  const dropBody = database.prepare('UPDATE body SET payload = NULL WHERE seq = ?');
  const keepBody = database.prepare(`
    INSERT INTO body (seq, payload) VALUES (?, ?) ON CONFLICT DO UPDATE SET payload = excluded.payload`);

  return {
    updatePayload({ data, bytes }: Packet<RefCall>): Packet<ControlReply> {
      const entry = queues.find(data.queue);
      const row = entry && look.get(entry.no, data.id);
      const state = row ? (row[1] as StateNumber) : null;
      if (!row || state !== SCHEDULED) return plain({ done: false, state });
      const seq = Number(row[0]);
      const payload = bytes[0] ?? null;
      const size = payload?.length ?? 0;
      update.run(size > INLINE_BYTES ? null : payload, size, seq);
      if (size > INLINE_BYTES) keepBody.run(seq, payload);
      else dropBody.run(seq);
      return plain({ done: true, state });
    },
  };
}

function dropping({ database, queues }: Store) {
  const counters = database.prepare('DELETE FROM counter WHERE queue = ?');
  return {
    dropQueue({ data }: Packet<{ readonly queue: string }>): Packet<boolean> {
      const entry = queues.find(data.queue);
      if (!entry) return plain(true);
      if (entry.counts.some((count) => count > 0)) return plain(false);
      counters.run(entry.no);
      queues.forget(entry);
      return plain(true);
    },
  };
}

export function actOperations(store: Store) {
  const { database, queues } = store;
  const act = createActor(store);
  const look = database.prepare('SELECT seq, state FROM task WHERE queue = ? AND id = ?');
  const first = database.prepare(
    'SELECT seq FROM task WHERE queue = ? AND state = ? ORDER BY at, seq LIMIT ?',
  );
  const firstOfGroup = database.prepare(
    'SELECT seq FROM task WHERE queue = ? AND state = 7 AND in_group = ? ORDER BY at, seq LIMIT ?',
  );
  const hasGroup = database.prepare(
    'SELECT 1 FROM task WHERE queue = ? AND state = 7 AND in_group = ? LIMIT 1',
  );

  /** `limit` tasks of the group or of all of that state. */
  function firstOf(entry: QueueEntry, state: StateNumber, { group, limit }: ChangeManyCall): Found[] {
    const rows =
      group === null ? first.all(entry.no, state, limit) : firstOfGroup.all(entry.no, group, limit);
    return rows.map(([seq]) => ({ entry, seq: Number(seq), state }));
  }

  return {
    ...payloads(store),
    ...dropping(store),

    act({ data }: Packet<ChangeCall>, { wallMs }: Now): Packet<ControlReply> {
      const entry = queues.find(data.queue);
      const row = entry && look.get(entry.no, data.id);
      if (!entry || !row) return plain({ done: false, state: null });
      const found = { entry, seq: Number(row[0]), state: row[1] as StateNumber };
      if (REFUSED[data.action].includes(found.state)) return plain({ done: false, state: found.state });
      act(found, data.action, wallMs);
      return plain({ done: true, state: found.state });
    },

    actMany(
      { data }: Packet<ChangeManyCall>,
      { wallMs }: Now,
    ): Packet<{ readonly handled: number; readonly more: boolean }> {
      const entry = queues.find(data.queue);
      if (!entry) return plain({ handled: 0, more: false });
      const states = statesOf(data);
      const found = states.flatMap((state) => firstOf(entry, state, data)).slice(0, data.limit);
      for (const one of found) act(one, data.action, wallMs);
      const left = states.some((state) => (entry.counts[state] ?? 0) > 0);
      const more =
        data.state === AGGREGATING && data.group !== null
          ? hasGroup.get(entry.no, data.group) !== undefined
          : left;
      return plain({ handled: found.length, more });
    },
  };
}
