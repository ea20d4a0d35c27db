import type { TaskState } from '@task-center/model';

// The details of `some-not-stored`, and the texts made of them.

/** A `TaskCenterError`, which cannot be named here: its texts are made with this file. `isTaskCenterError` tells its details. */
interface ItemError extends Error {
  readonly code: string;
  readonly fix: string;
}

/** A task of a batch that is stored. */
export interface StoredItem {
  /** Its place in the list that was given, from 0. */
  readonly index: number;
  readonly task: {
    readonly id: string;
    readonly queue: string;
    readonly state: Extract<TaskState, 'pending' | 'scheduled' | 'aggregating'>;
    readonly dueAt: Date;
  };
}

/** A task of a batch that is not stored: it is not valid, its ID is taken, it is a duplicate, or the broker refused it. */
export interface FailedItem {
  /** Its place in the list that was given, from 0. */
  readonly index: number;
  readonly error: ItemError;
}

/**
 * A task of a batch that may be stored: the broker did not answer (`broker-unavailable`). Or it is stored, but less safely than
 * asked for (`durability-not-reached`).
 */
export interface UnknownItem extends FailedItem {
  /** With this ID in this queue it can be enqueued again: if it is stored, that is refused with `task-exists`. */
  readonly id: string;
  readonly queue: string;
}

export interface BatchDetails {
  readonly stored: readonly StoredItem[];
  readonly failed: readonly FailedItem[];
  readonly unknown: readonly UnknownItem[];
}

/** Errors that the message quotes. */
const MAX_QUOTED = 3;

const verb = (count: number, one: string, many: string): string => (count === 1 ? one : many);

function outcomeText({ stored, failed, unknown }: BatchDetails): string {
  const all = `${stored.length + failed.length + unknown.length} tasks`;
  const notStored = `${failed.length} of ${all} ${verb(failed.length, 'was', 'were')} not stored`;
  const inDoubt = `${unknown.length}${failed.length > 0 ? '' : ` of ${all}`} may be stored or not`;
  return [...(failed.length > 0 ? [notStored] : []), ...(unknown.length > 0 ? [inDoubt] : [])].join(', ');
}

/** The text of a batch that was not stored as a whole. */
export function someNotStoredText(details: BatchDetails) {
  const { failed, unknown } = details;
  const items = [...failed.slice(0, MAX_QUOTED), ...unknown.slice(0, MAX_QUOTED)].slice(0, MAX_QUOTED);
  const quoted = items.map(({ index, error }) => `[${index}] ${error.message}`);
  const rest = failed.length + unknown.length - items.length;
  return {
    message: `${outcomeText(details)}: ${quoted.join(' ')}${rest > 0 ? ` And ${rest} more.` : ''}`,
    fix: 'The error lists all tasks with their places: `details.stored`, `details.failed` and `details.unknown`. Correct or drop those in `failed`; enqueue those in `unknown` again with the IDs given there, and a second one is not stored.',
  };
}
