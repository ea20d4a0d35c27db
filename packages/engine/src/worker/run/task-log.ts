import { contextOf, plainTaskId, traceIdOf } from '@task-center/model';
import type { LeasedTask } from '../../broker/consume.ts';
import { eachLevel, type Log, type LogFields, type LogLevel } from '../../runtime/log.ts';

/** A line that a handler has logged. */
export interface TaskLogLine {
  readonly level: LogLevel;
  readonly message: string;
  /** What the handler gave, without the fields of its task. */
  readonly fields: LogFields;
  /** Wall-clock ms. */
  readonly timeMs: number;
}

/** Is given each line that a handler logs, of every level. It must not throw. */
export type KeepLine = (task: LeasedTask, line: TaskLogLine) => void;

/** The fields by which the lines of a task are found. */
export function taskFields({ id, queue, type, attempt, headers, meta }: LeasedTask): LogFields {
  const { businessId, userId, traceparent } = contextOf(headers);
  return {
    task_id: plainTaskId(id, meta.business ?? null),
    queue,
    type,
    attempt,
    business_id: meta.business ?? businessId,
    user_id: userId,
    trace_id: traceIdOf(traceparent) ?? undefined,
  };
}

export interface TaskLogDeps {
  readonly log: Log;
  readonly wallMs: () => number;
  readonly keepLine: KeepLine | undefined;
}

/** The log of a task's handler: each line has the task's fields. A handler in JavaScript may leave the line's own fields out. */
export function createTaskLog(task: LeasedTask, { log, wallMs, keepLine }: TaskLogDeps): Log {
  const own = taskFields(task);
  const write = (level: LogLevel, fields: LogFields, message: string) => {
    log[level]({ ...fields, ...own }, message);
    keepLine?.(task, { level, message, fields, timeMs: wallMs() });
  };
  return eachLevel((level) => (given: LogFields | string, message?: string) => {
    if (typeof given === 'string') write(level, {}, given);
    else write(level, given ?? {}, message ?? '');
  });
}
