// Whole tasks as inspectors and aggregators read them, page by page. Runs in the writer thread; inspect.ts and groups.ts
// find the rows.
import { MAX_PAGE_BYTES } from '../../../../broker/bounds.ts';
import type { TaskRecord } from '../../../../broker/inspect.ts';
import type { Bytes } from '../../packing.ts';
import { columnOf } from '../../rows.ts';
import { ACTIVE, type StateNumber } from '../../states.ts';
import type { Now, Store } from '../store.ts';

/** What a record has of the task's row. */
interface StoredFields extends Pick<TaskRecord, SameField> {
  readonly state: StateNumber;
  /** What it means depends on the state: docs/design/data-model.md#sqlite. */
  readonly at: number;
  readonly meta: string | null;
  readonly headers: string | null;
  readonly pendingSinceMs: number | null;
  readonly finishedMs: number | null;
  readonly failedMs: number | null;
  readonly lastError: string | null;
  /** JSON of the cancellation. */
  readonly cancel: string | null;
  readonly waitingFor: string | null;
  /** JSON. */
  readonly progress: string | null;
}

/** Fields that inspectors see as they are stored. */
type SameField = (typeof SAME_FIELDS)[number];

// prettier-ignore
const SAME_FIELDS = [
  'id', 'type', 'maxRetries', 'retried', 'timeoutMs', 'deadlineMs', 'retentionMs', 'group', 'attempt', 'crashes',
  'deferrals', 'startedMs', 'worker',
] as const;

// prettier-ignore
const STORED_FIELDS = [
  ...SAME_FIELDS, 'state', 'at', 'meta', 'headers', 'pendingSinceMs', 'finishedMs', 'failedMs', 'lastError', 'cancel',
  'waitingFor', 'progress',
] as const satisfies readonly (keyof StoredFields)[];

/** The columns that do not bear their field's name. */
const COLUMNS: Partial<Record<keyof StoredFields, string>> = { group: 'in_group', attempt: 'attempts' };

/** A stored task. Its payload and its result are two items of the packet's bytes: row n has 2n and 2n + 1. */
export interface RecordRow extends StoredFields {
  readonly attemptRecords: readonly string[];
  readonly attemptStacks: readonly string[];
  /** The task is active, but its lease has expired. */
  readonly leaseIsOver: boolean;
}

/** A page begins after the task with this `at` and this row. Active tasks are listed by their start instead of `at`. */
export interface PageCursor {
  readonly at: number;
  readonly seq: number;
}
export const BEFORE_FIRST: PageCursor = { at: Number.MIN_SAFE_INTEGER, seq: 0 };

export interface RecordPage {
  readonly rows: readonly RecordRow[];
  /** The cursor of the next page; null = this is the last one. */
  readonly next: PageCursor | null;
}

const SELECT_RECORD = `
  SELECT ifnull(task.payload, body.payload) AS payload, body.result,
    ${STORED_FIELDS.map((field) => `${COLUMNS[field] ?? columnOf(field)} AS "${field}"`).join(', ')}
  FROM task LEFT JOIN body ON body.seq = task.seq WHERE task.seq = :seq`;

type StoredRecord = StoredFields & { readonly payload: Bytes; readonly result: Bytes };

const NO_ATTEMPTS = { records: [], stacks: [] } as const;

/** Makes the function that reads the tasks found for a page. */
export function createPageReader({ database, attempts }: Store) {
  const select = database.named<{ seq: number }, StoredRecord>(SELECT_RECORD);

  /** Reads at most `limit` of the tasks. More were found than that if there is a next page. */
  return (
    found: readonly PageCursor[],
    limit: number,
    { monotonicMs }: Now,
  ): RecordPage & { readonly bytes: Bytes[] } => {
    const rows: RecordRow[] = [];
    const bytes: Bytes[] = [];
    let bytesLeft = MAX_PAGE_BYTES;
    for (const { seq } of found.slice(0, limit)) {
      const { payload, result, ...columns } = select.get({ seq })!;
      const { records, stacks } = columns.attempt === 0 ? NO_ATTEMPTS : attempts.list(seq);
      const leaseIsOver = columns.state === ACTIVE && columns.at <= monotonicMs;
      rows.push({ ...columns, attemptRecords: records, attemptStacks: stacks, leaseIsOver });
      bytes.push(payload, result);
      bytesLeft -= (payload?.length ?? 0) + (result?.length ?? 0) + (columns.meta?.length ?? 0);
      for (const { length } of [...records, ...stacks]) bytesLeft -= length;
      if (bytesLeft <= 0) break;
    }
    const next = rows.length < found.length ? (found[rows.length - 1] ?? null) : null;
    return { rows, next, bytes };
  };
}
