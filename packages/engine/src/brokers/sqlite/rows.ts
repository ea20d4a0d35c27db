// The messages between the threads that a call has many of: one per task. In memory they are objects. On the way they are
// rows, which are arrays: their JSON is half as long, and read and written in half the time. Both threads take the columns
// of a row and their order from the lists here.
import type { Lease, LeasedTask } from '../../broker/consume.ts';
import type { NewTask } from '../../broker/submit.ts';

/** A message on its way: the values of its columns, in their order. */
export type Row<Item> = readonly unknown[] & { readonly of?: Item };

/** How a message is written and read. */
export interface RowFormat<Item> {
  /** The columns in their order. */
  readonly names: readonly (keyof Item & string)[];
  toRow(item: Item): Row<Item>;
  /** A view of the row. Its columns are getters, so there is nothing to spread, to print or to write as JSON. */
  fromRow(row: Row<Item>): Readonly<Item>;
}

/** The column of a field: `max_retries` for `maxRetries`. */
export const columnOf = (field: string): string =>
  field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/**
 * Makes the format of a message from the list of its columns. The list is code, since a loop over names takes six times
 * as long to write a row. For the same reason reading makes one small object, whatever the number of columns.
 */
export function rowFormat<Item extends object>(toRow: (item: Item) => unknown[]): RowFormat<Item> {
  // An item whose properties are their own names tells which of them the list reads, and in which order.
  const names = toRow(new Proxy({}, { get: (_, name) => name }) as Item) as (keyof Item & string)[];
  class View {
    readonly values: Row<Item>;
    constructor(values: Row<Item>) {
      this.values = values;
    }
  }
  for (const [index, name] of names.entries())
    Object.defineProperty(View.prototype, name, {
      get(this: View) {
        return this.values[index];
      },
    });
  return { names, toRow, fromRow: (row) => new View(row) as unknown as Readonly<Item> };
}

/** A task to store. Its payload is the item with the same index in the packet's bytes. */
export interface NewTaskItem extends Pick<
  NewTask,
  | 'id'
  | 'type'
  | 'maxRetries'
  | 'timeoutMs'
  | 'deadlineMs'
  | 'retentionMs'
  | 'delayMs'
  | 'runAtMs'
  | 'uniqueMs'
> {
  /** Index of its queue in the call. */
  readonly queue: number;
  readonly business: string | null;
  readonly meta: string | null;
  readonly headers: string | null;
  /** Tasks with the same key are duplicates; null = the task needs no unique lock. */
  readonly uniqueKey: string | null;
  readonly inGroup: string | null;
}

// prettier-ignore
export const NEW_TASK = rowFormat<NewTaskItem>((task) => [
  task.id, task.type, task.maxRetries, task.timeoutMs, task.deadlineMs, task.retentionMs, task.business, task.meta,
  task.headers, task.uniqueKey, task.inGroup,
  task.queue, task.delayMs, task.runAtMs, task.uniqueMs,
]);

/**
 * Which rows of other tables belong to a task: a sum of the numbers below. The exchange that takes a task reads it, and its
 * finish then spares the deletes that would find nothing.
 */
export type Related = number;
/** Its payload or a result may be in `body`. */
export const HAS_BODY = 1;
export const HAS_ATTEMPTS = 2;
/** It has a unique lock. */
export const HAS_LOCK = 4;
/** It may have log lines. */
export const HAS_LOG = 8;

/** A task that an exchange has taken. Its payload is the item with the same index in the packet's bytes. */
export interface LeasedItem extends Pick<
  LeasedTask,
  | 'id'
  | 'type'
  | 'maxRetries'
  | 'retried'
  | 'timeoutMs'
  | 'deadlineMs'
  | 'retentionMs'
  | 'attempt'
  | 'crashes'
> {
  readonly seq: number;
  readonly pendingSinceMs: number | null;
  readonly related: Related;
  readonly meta: string | null;
  readonly headers: string | null;
}

// prettier-ignore
export const LEASED = rowFormat<LeasedItem>((task) => [
  task.seq, task.id, task.type, task.maxRetries, task.retried, task.timeoutMs, task.deadlineMs, task.retentionMs,
  task.attempt, task.crashes, task.pendingSinceMs, task.related, task.meta, task.headers,
]);

/** What becomes of a task whose attempt has ended. */
export const ACTION = {
  remove: 0,
  complete: 1,
  retry: 2,
  archive: 3,
  requeue: 4,
  defer: 5,
  revoke: 6,
} as const;
export type FinishAction = (typeof ACTION)[keyof typeof ACTION];

/** How an attempt ended. The result of a completed task is the item with the same index in the packet's bytes. */
export interface FinishItem {
  readonly action: FinishAction;
  /** Index of the task's queue in the call. */
  readonly queue: number;
  readonly seq: number;
  readonly token: number;
  readonly related: Related;
  readonly attempt: number;
  /** The attempt's record as it is stored; null = none is kept. */
  readonly record: string | null;
  /** Of a failed attempt, see `encodeStack`; '' = none. */
  readonly stack: string;
  readonly error: string | null;
  /** With `defer`: what the task waits for. */
  readonly waitingFor: string | null;
  /** With `retry` and `defer`: time to the next attempt, ms. */
  readonly delayMs: number;
  /** With `retry`: how many failures to count. */
  readonly failures: 0 | 1;
}

// prettier-ignore
export const FINISH = rowFormat<FinishItem>((finish) => [
  finish.action, finish.queue, finish.seq, finish.token, finish.related,
  finish.attempt, finish.record, finish.stack, finish.error, finish.waitingFor, finish.delayMs, finish.failures,
]);

/** A lease to renew, or the lease of the attempt whose result is kept. */
export const LEASE = rowFormat<Lease>((lease) => [lease.queue, lease.id, lease.token]);

/** Distinct names, and for each item the index of its name. A call names a queue once, not once per task. */
export interface NameIndex {
  readonly names: readonly string[];
  readonly indexes: readonly number[];
}

export function indexNames(names: readonly string[]): NameIndex {
  const indexByName = new Map<string, number>();
  const indexes = names.map((name) => {
    const index = indexByName.get(name) ?? indexByName.size;
    if (index === indexByName.size) indexByName.set(name, index);
    return index;
  });
  return { names: [...indexByName.keys()], indexes };
}
