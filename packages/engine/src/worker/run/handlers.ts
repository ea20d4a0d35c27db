import type { LeasedTask } from '../../broker/consume.ts';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import { contextOf, type TaskContext } from '../../task/context.ts';
import { checkedPayload, type TaskDefinition } from '../../task/define-task.ts';
import type { TaskMeta } from '../../task/meta.ts';
import { decodeJson } from '../../task/payload.ts';
import { plainTaskId } from '../../task/task-id.ts';
import { NonRetryableError } from '../../errors/handler-errors.ts';
import type { Log } from '../../runtime/log.ts';

/** A task as its handler sees it. */
export interface HandledTask<Payload> {
  /** As it was submitted (stored with the business in front, if there is one). */
  readonly id: string;
  /** The stored queue (`orders~cb` for callbacks). */
  readonly queue: string;
  readonly type: string;
  readonly payload: Payload;
  /** The payload's bytes as they were submitted. */
  readonly payloadBytes: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly context: TaskContext;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly maxRetries: number;
  readonly retried: number;
  /** When it became pending, wall-clock ms; null where unknown. */
  readonly pendingSinceMs: number | null;
  readonly timeoutMs: number;
  readonly meta: TaskMeta;
}

/** What a handler may use while it runs. */
export interface HandlerContext {
  /**
   * Aborts when the attempt is over before the handler is. Its reason is an error with Asynq's text, whose `cause` says
   * why: `timeout`, `expired` (the deadline), `lease-lost`, `cancelled` or `shutdown`.
   */
  readonly signal: AbortSignal;
  /** End of this attempt, wall-clock ms. */
  readonly deadlineMs: number;
  readonly log: Log;
  /** Keeps facts with this attempt's record, however it ends: a plain object of at most 16 KiB as JSON. The last call counts. */
  note(exchange: Readonly<Record<string, unknown>>): void;
  /**
   * Writes the task's result now, for everybody to see while the handler runs (bytes as they are, anything else as
   * JSON; at most 256 KiB). The last one counts; it stays over retries, and a returned value replaces it.
   *
   * @throws TaskCenterError `attempt-over`, `invalid-value`, `broker-unavailable`
   */
  setResult(value: unknown): Promise<void>;
}

/**
 * Runs one attempt. What it returns is the task's result (bytes as they are, anything else as JSON), kept for
 * the task's retention. What it throws is a failure; see `HandlerError` and `NonRetryableError`.
 */
export type Handler<Payload = unknown> = (task: HandledTask<Payload>, context: HandlerContext) => unknown;

/** A handler with its payload's reading built in. */
export type PreparedHandler = (task: LeasedTask, context: HandlerContext) => unknown;

const ANY = '*';

/** A class, as there is one for each task: what most handlers never look at is made when it is looked at. */
class TaskView<Payload> implements HandledTask<Payload> {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly payloadBytes: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly retried: number;
  readonly pendingSinceMs: number | null;
  readonly timeoutMs: number;
  readonly meta: TaskMeta;
  readonly #read: (bytes: Uint8Array | null) => Payload;

  constructor(task: LeasedTask, read: (bytes: Uint8Array | null) => Payload) {
    const { meta } = task;
    this.id = plainTaskId(task.id, meta.business ?? null);
    this.queue = task.queue;
    this.type = task.type;
    this.payloadBytes = task.payload;
    this.headers = task.headers;
    this.attempt = task.attempt;
    this.maxRetries = task.maxRetries;
    this.retried = task.retried;
    this.pendingSinceMs = task.pendingSinceMs;
    this.timeoutMs = meta.timeoutMs ?? task.timeoutMs;
    this.meta = meta;
    this.#read = read;
  }

  get payload(): Payload {
    return this.#read(this.payloadBytes);
  }

  get context(): TaskContext {
    return contextOf(this.headers);
  }
}

/** A payload that cannot be read now cannot be read in a second either. */
async function readPayload<Output>(
  definition: TaskDefinition<unknown, Output>,
  task: LeasedTask,
): Promise<Output> {
  try {
    return await checkedPayload(definition, decodeJson(task.payload));
  } catch (error) {
    throw new NonRetryableError(`the payload cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

function readJson(bytes: Uint8Array | null): unknown {
  try {
    return decodeJson(bytes);
  } catch (error) {
    throw new NonRetryableError('the payload is not JSON; use payloadBytes', { cause: error });
  }
}

/** For a plain type the payload is read as JSON when the handler looks at it: a relay that only passes bytes pays nothing. */
export function handledTask(task: LeasedTask): HandledTask<unknown> {
  return new TaskView(task, readJson);
}

/** Handlers by type. */
export class Handlers {
  readonly #byType = new Map<string, PreparedHandler>();
  /** Beginnings of types, the longest first. */
  #byPrefix: readonly (readonly [prefix: string, handler: PreparedHandler])[] = [];

  /** @throws TaskCenterError `worker-misused` when the type has one already. */
  add<Output>(task: string | TaskDefinition<unknown, Output>, handler: Handler<Output>): void {
    const type = typeof task === 'string' ? task : task.type;
    if (this.#byType.has(type)) {
      throw new TaskCenterError('worker-misused', {
        cause: `type ${JSON.stringify(type)} has a handler already`,
      });
    }
    const definition = task as TaskDefinition<unknown, Output>;
    const prepared: PreparedHandler =
      typeof task === 'string'
        ? (leased, context) => handler(handledTask(leased) as HandledTask<Output>, context)
        : async (leased, context) => {
            const payload = await readPayload(definition, leased);
            return handler(new TaskView(leased, () => payload), context);
          };
    this.#byType.set(type, prepared);
    if (!type.endsWith(ANY)) return;
    const pattern = [type.slice(0, -ANY.length), prepared] as const;
    this.#byPrefix = [...this.#byPrefix, pattern].sort(([a], [b]) => b.length - a.length);
  }

  get size(): number {
    return this.#byType.size;
  }

  /** The type's handler, else that of the longest beginning. */
  find(type: string): PreparedHandler | undefined {
    return this.#byType.get(type) ?? this.#byPrefix.find(([prefix]) => type.startsWith(prefix))?.[1];
  }
}
