import { contextOf, plainTaskId, type TaskContext } from '@task-center/model';
import type { LeasedTask } from '../../broker/consume.ts';
import { messageOf, TaskCenterError } from '../../errors/task-center-error.ts';
import {
  checkedPayload,
  checkedResult,
  taskOrDefinition,
  type TaskDefinition,
} from '../../task/define-task.ts';
import { checkedTypeName } from '../../task/checked.ts';
import { func } from '../../checks/values.ts';
import type { TaskMeta } from '../../task/meta.ts';
import { decodeJson, plainBytes } from '../../task/payload.ts';
import { checkReadBack } from '../../task/read-back.ts';
import { NonRetryableError } from '../../errors/handler-errors.ts';
import type { Log } from '../../runtime/log.ts';
import { UnfitResult } from './results.ts';

/** A task as its handler sees it. */
export interface HandledTask<Payload> {
  /** As it was submitted. It is stored with the business in front, if there is one. */
  readonly id: string;
  /** The stored queue: `orders`, or `orders~cb` for callbacks. */
  readonly queue: string;
  readonly type: string;
  /** The payload, read from JSON. */
  readonly payload: Payload;
  /** The payload's bytes as they were submitted. */
  readonly payloadBytes: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly context: TaskContext;
  /** Number of this attempt, from 1. */
  readonly attempt: number;
  readonly maxRetries: number;
  /** Retries counted so far. */
  readonly retried: number;
  /** When it became pending, wall-clock ms; null where unknown. */
  readonly pendingSinceMs: number | null;
  /** Longest attempt; 0 = none was given. */
  readonly timeoutMs: number;
  readonly meta: TaskMeta;
}

/** What a handler may use while it runs. */
export interface HandlerContext {
  /**
   * Aborts when the attempt ends before its handler does. Its reason is an error with Asynq's text. The error's `cause` says
   * why: `timeout`, `expired` (the deadline), `lease-lost`, `cancelled` or `shutdown`.
   */
  readonly signal: AbortSignal;
  /** End of this attempt, wall-clock ms. */
  readonly deadlineMs: number;
  /**
   * Each line has the task's fields. Where it goes: docs/logs.md. The newest 1,000 lines, of at most 256 KiB together, are also kept
   * with the task.
   */
  readonly log: Log;
  /**
   * Keeps facts in this attempt's record, however the attempt ends: a plain object of at most 16 KiB as JSON. `note` is for
   * people: it follows the attempt's reason, and 1,000 characters of it are kept. The last call counts.
   */
  record(facts: Readonly<Record<string, unknown>>, note?: string): void;
  /**
   * Says how far the task is, in per cent (below 0 and above 100 count as these), and what it does, in at most 1,000
   * characters. It is written at most once a second, and the last one when the attempt ends. It stays with the task.
   *
   * @throws TaskCenterError `invalid-value`
   */
  progress(percent: number, message?: string): void;
  /**
   * Writes the task's result now, and makes it visible while the handler runs: bytes as they are, anything else as JSON, at
   * most 256 KiB. The last call counts. The result stays across retries, and a returned value replaces it.
   *
   * @throws TaskCenterError `attempt-over`, `invalid-value`, `broker-unavailable`
   */
  setResult(value: unknown): Promise<void>;
}

/**
 * Runs one attempt. Its return value is the task's result (bytes as they are, anything else as JSON), which is kept for the
 * task's retention. A value that JSON would change is not kept, and the attempt's record says so (docs/json.md). An error that it throws is a failure; see `HandlerError`, `NonRetryableError` and `RevokeError`.
 */
export type Handler<Payload = unknown, Returned = unknown> = (
  task: HandledTask<Payload>,
  context: HandlerContext,
) => Returned | PromiseLike<Returned>;

/**
 * Runs around the handlers of a worker, whatever their types. `next()` runs the rest: the next middleware, or the handler, whose
 * payload is then read and checked. It resolves to the handler's result and rejects with its error. What a middleware returns is the
 * task's result; undefined stands for that of `next()`. One that never calls `next` takes the handler's place.
 */
export type Middleware = (
  task: HandledTask<unknown>,
  context: HandlerContext,
  next: () => Promise<unknown>,
) => unknown;

/** A handler together with how its payload is read. */
export type PreparedHandler = (task: LeasedTask, context: HandlerContext) => unknown;

/** At the end of a type: all types that begin with what comes before. */
const ANY = '*';

/** A class with getters: there is one per attempt, and most handlers do not use all of it. */
class TaskView<Payload> implements HandledTask<Payload> {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly attempt: number;
  readonly maxRetries: number;
  readonly retried: number;
  readonly pendingSinceMs: number | null;
  readonly timeoutMs: number;
  readonly meta: TaskMeta;
  readonly #stored: Uint8Array | null;
  readonly #read: (bytes: Uint8Array | null) => Payload;

  constructor(task: LeasedTask, read: (bytes: Uint8Array | null) => Payload) {
    const { meta } = task;
    this.id = plainTaskId(task.id, meta.business ?? null);
    this.queue = task.queue;
    this.type = task.type;
    this.headers = task.headers;
    this.attempt = task.attempt;
    this.maxRetries = task.maxRetries;
    this.retried = task.retried;
    this.pendingSinceMs = task.pendingSinceMs;
    this.timeoutMs = meta.timeoutMs ?? task.timeoutMs;
    this.meta = meta;
    this.#stored = task.payload;
    this.#read = read;
  }

  get payload(): Payload {
    return this.#read(this.#stored);
  }

  get payloadBytes(): Uint8Array | null {
    return plainBytes(this.#stored);
  }

  get context(): TaskContext {
    return contextOf(this.headers);
  }
}

/** Reads a payload by its definition. One that cannot be read now cannot be read later either, so it is never retried. */
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
    throw new NonRetryableError('the payload is not JSON; read payloadBytes instead', { cause: error });
  }
}

/** What a handler returned, as it is, if it fits the schema: those who wait for it run the schema again. */
async function fittingResult(definition: TaskDefinition, returned: unknown): Promise<unknown> {
  try {
    const output = await checkedResult(definition, returned);
    const name = `result of "${definition.type}"`;
    await checkReadBack({ name, value: returned, output, check: (read) => checkedResult(definition, read) });
    return returned;
  } catch (error) {
    return new UnfitResult(messageOf(error));
  }
}

/** A task for a handler without a definition. The payload is parsed only if the handler reads it. */
export function handledTask(task: LeasedTask): HandledTask<unknown> {
  return new TaskView(task, readJson);
}

/** A task for a handler of a definition. Without a schema its payload may be anything, bytes that are no JSON as well. */
async function readTask<Output>(
  definition: TaskDefinition<unknown, Output>,
  task: LeasedTask,
): Promise<HandledTask<Output>> {
  if (!definition.payload) return handledTask(task) as HandledTask<Output>;
  const payload = await readPayload(definition, task);
  return new TaskView(task, () => payload);
}

/** A definition that has a handler, with the queue that it names for its tasks. */
export interface HandledDefinition {
  readonly type: string;
  readonly queue: string | undefined;
}

/** A handler as it was registered. */
interface RegisteredHandler {
  /** Reads the payload and calls it. */
  readonly call: PreparedHandler;
  /** Undefined = the definition says nothing about results. */
  readonly checkResult: ((returned: unknown) => Promise<unknown>) | undefined;
}

const prepared = ({ call, checkResult }: RegisteredHandler): PreparedHandler =>
  checkResult ? async (leased, context) => checkResult(await call(leased, context)) : call;

/** Handlers by type. */
export class Handlers {
  readonly #definitions: HandledDefinition[] = [];
  readonly #registered = new Map<string, RegisteredHandler>();
  /** With what runs around them. */
  readonly #byType = new Map<string, PreparedHandler>();
  /** Prefixes of types, the longest first. */
  readonly #byPrefix: (readonly [prefix: string, handler: PreparedHandler])[] = [];

  /** @throws TaskCenterError `worker-misused` if the type has a handler already */
  add<Output, Returned>(
    task: string | TaskDefinition<unknown, Output, Returned>,
    handler: Handler<Output, Returned>,
  ): void {
    taskOrDefinition(task, 'task');
    func(handler, 'handler');
    const type = typeof task === 'string' ? checkedTypeName(task) : task.type;
    if (this.#registered.has(type)) {
      throw new TaskCenterError('worker-misused', {
        cause: `type ${JSON.stringify(type)} has a handler already`,
        fix: 'Register one handler for each type.',
      });
    }
    const definition = task as TaskDefinition<unknown, Output, Returned>;
    const call: PreparedHandler =
      typeof task === 'string'
        ? (leased, context) => handler(handledTask(leased) as HandledTask<Output>, context)
        : async (leased, context) => {
            return handler(await readTask(definition, leased), context);
          };
    const checkResult =
      typeof task !== 'string' && task.result
        ? (returned: unknown) => fittingResult(definition, returned)
        : undefined;
    this.#registered.set(type, { call, checkResult });
    if (typeof task !== 'string') this.#definitions.push({ type, queue: task.defaults.queue });
  }

  /** The handlers are complete. `around`: puts what runs around each of them. */
  seal(around: (handler: PreparedHandler) => PreparedHandler): void {
    for (const [type, { call, checkResult }] of this.#registered) {
      const handler = prepared({ call: around(call), checkResult });
      this.#byType.set(type, handler);
      if (type.endsWith(ANY)) this.#byPrefix.push([type.slice(0, -ANY.length), handler]);
    }
    this.#byPrefix.sort(([a], [b]) => b.length - a.length);
  }

  get size(): number {
    return this.#registered.size;
  }

  /** The definitions among the handled types. The others are names of types, which say nothing about queues. */
  get definitions(): readonly HandledDefinition[] {
    return this.#definitions;
  }

  /** The type's own handler, or else that of its longest prefix. */
  find(type: string): PreparedHandler | undefined {
    return this.#byType.get(type) ?? this.#byPrefix.find(([prefix]) => type.startsWith(prefix))?.[1];
  }
}
