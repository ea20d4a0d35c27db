// What attempts tell of themselves. Runs in the writer thread; its calls come from main/facets/consume.ts and inspect.ts.
import type { Lease } from '../../../../broker/consume.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { plain, type Packet } from '../../packing.ts';
import { LEASE, type Row } from '../../rows.ts';
import { ACTIVE } from '../../states.ts';
import type { Store } from '../store.ts';

/** Progress and lines are encoded. */
export interface NotesRow {
  readonly lease: Row<Lease>;
  /** Null = it stays. */
  readonly progress: string | null;
  readonly lines: readonly string[];
  readonly skipped: number;
}

/** The lines that are kept, and how many came before them. */
export interface LogRows {
  readonly lines: readonly string[];
  readonly dropped: number;
}

export function createNoteHandlers({ database, queues, tasks, logLines }: Store) {
  const note = database.named<
    { queue: number; id: string; token: number; progress: string | null },
    { seq: number }
  >(`UPDATE task SET progress = ifnull(:progress, progress)
    WHERE queue = :queue AND id = :id AND state = ${ACTIVE} AND token = :token RETURNING seq`);

  return {
    /** Per task: false = it no longer has this token; nothing was written. */
    keepNotes({ data }: Packet<readonly NotesRow[]>): Packet<boolean[]> {
      return plain(
        data.map(({ lease, progress, lines, skipped }) => {
          const { queue, id, token } = LEASE.fromRow(lease);
          const entry = queues.find(queue);
          const row = entry && note.get({ queue: entry.number, id, token, progress });
          if (!row) return false;
          if (lines.length > 0) logLines.append(row.seq, lines, skipped);
          return true;
        }),
      );
    },

    /** Null = there is no such task. */
    log({ data }: Packet<TaskRef>): Packet<LogRows | null> {
      const task = tasks.find(data);
      return plain(task && logLines.list(task.seq));
    },
  };
}
