import type { LeasedTask } from '../../broker/consume.ts';
import { messageOf, TaskCenterError } from '../../errors/task-center-error.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { MAX_STORED_ERROR_LENGTH } from '../../task/attempt-record.ts';
import { encodeContent, encodeGiven } from '../../task/payload.ts';

const MAX_RESULT_BYTES = 256 * 1_024;
/** Types that are told of; beyond them a worker says nothing more. */
const MAX_TOLD_TYPES = 1_000;

/** What is kept of a value that a handler returned. */
interface KeptResult {
  readonly bytes: Uint8Array | null;
  /** Why the value is not kept; undefined = it is. */
  readonly reason?: string;
}

/** The bytes of a result that a handler sets early. @throws TaskCenterError `invalid-value` */
export function encodeEarlyResult(value: unknown): Uint8Array {
  const result = encodeGiven('result', value) ?? Buffer.alloc(0);
  if (result.length <= MAX_RESULT_BYTES) return result;
  const expected = `at most ${MAX_RESULT_BYTES} bytes`;
  throw new TaskCenterError('invalid-value', { name: 'result', got: `${result.length} bytes`, expected });
}

/** In place of what a handler returned, if the schema of its type refuses it. */
export class UnfitResult {
  readonly cause: string;

  constructor(cause: string) {
    this.cause = cause;
  }
}

function encodeReturned(value: unknown): KeptResult {
  try {
    if (value instanceof UnfitResult) return notKept(value.cause);
    const bytes = encodeContent('result', value);
    if (bytes === null || bytes.length <= MAX_RESULT_BYTES) return { bytes };
    const reason = `a result of ${bytes.length} bytes was not kept (limit ${MAX_RESULT_BYTES})`;
    return { bytes: null, reason };
  } catch (error) {
    return notKept(messageOf(error));
  }
}

function notKept(cause: string): KeptResult {
  const reason = `the result was not kept: ${cause}`;
  return { bytes: null, reason: reason.slice(0, MAX_STORED_ERROR_LENGTH).toWellFormed() };
}

/**
 * Encodes what handlers return. A value that cannot be kept does not make a failure of a success: the attempt's record says
 * why there is no result, and the log does once per type.
 */
export class ResultEncoder {
  readonly #log: Runtime['log'];
  readonly #told = new Set<string>();

  constructor({ log }: Pick<Runtime, 'log'>) {
    this.#log = log;
  }

  /** Never throws. */
  encode(task: LeasedTask, value: unknown): KeptResult {
    const kept = encodeReturned(value);
    if (kept.reason !== undefined) this.#tell(task, kept.reason);
    return kept;
  }

  #tell({ queue, id, type }: LeasedTask, reason: string): void {
    if (this.#told.has(type) || this.#told.size >= MAX_TOLD_TYPES) return;
    this.#told.add(type);
    this.#log.warn({ queue, task_id: id, type, reason }, 'a task succeeded, but its result was not kept');
  }
}
