import * as model from '@task-center/model';
import { createFieldsCheck, createOptionsCheck, object, required, textMap } from './checks/options.ts';
import {
  abortSignal,
  anyText,
  checkOf,
  filledText,
  func,
  oneOf,
  orNull,
  wholeNumber,
  withMethods,
  type ValueCheck,
} from './checks/values.ts';
import * as tasks from './client/make-task.ts';
import * as stacks from './errors/stack.ts';
import * as clock from './runtime/clock.ts';
import * as dialling from './runtime/dial.ts';
import * as folders from './runtime/make-folder.ts';
import * as logs from './runtime/json-log.ts';
import { LEVELS } from './runtime/log.ts';
import * as loops from './runtime/loop.ts';
import { wholeRuntime } from './runtime/runtime.ts';
import * as waits from './runtime/within.ts';

// What the engine uses itself and lends to programs. Here its arguments are checked, as those of every public call are; within
// the engine, where some of it is called for every task, the compiler is enough.

type AnyCall = (...args: never[]) => unknown;
/** A check for each argument, in their order, by the name that errors call it. */
type ArgumentChecks = Readonly<Record<string, ValueCheck>>;

/** The same function, which first checks its arguments. @throws TaskCenterError `invalid-value` */
function checked<Call extends AnyCall>(call: Call, checks: ArgumentChecks): Call {
  const entries = Object.entries(checks);
  const checkedCall = (...args: never[]) => {
    for (const [i, [name, check]] of entries.entries()) check(args[i], name);
    return call(...args);
  };
  return checkedCall as Call;
}

/** The same for a function that rejects instead of throwing. */
function checkedAsync<Call extends (...args: never[]) => Promise<unknown>>(
  call: Call,
  checks: ArgumentChecks,
): Call {
  const checkedCall = checked(call, checks);
  return (async (...args: never[]) => checkedCall(...args)) as unknown as Call;
}

/** A check of an argument that may be left out. */
const ifGiven =
  (check: ValueCheck): ValueCheck =>
  (value, name) => {
    if (value !== undefined) check(value, name);
  };

/** Also Infinity, which is a time without an end. */
const ms = checkOf('a time in ms', (value) => typeof value === 'number' && !Number.isNaN(value));
const taskKind = oneOf(['handler', 'callback']);
/** Node's timers fire at once beyond it. */
const delayMs = checkOf(
  'a time in ms, at most 24 days',
  (value) => typeof value === 'number' && value <= 2 ** 31 - 1,
);
/** A task's context, as the HTTP service builds it. */
const checkContext = createOptionsCheck<model.TaskContext>('the context', {
  businessId: anyText,
  userId: anyText,
  traceparent: anyText,
  tracestate: anyText,
});
/** What a task cannot be made without. */
const checkDraft = createFieldsCheck<
  Pick<tasks.TaskDraft, 'kind' | 'queue' | 'type' | 'context' | 'headers' | 'meta'>
>('draft', {
  kind: required(taskKind),
  queue: required(anyText),
  type: required(anyText),
  context: required(object),
  headers: required(object),
  meta: required(object),
});
/** What applies where the draft says nothing. */
const checkDefaults = createFieldsCheck<tasks.DraftDefaults>('defaults', {
  maxRetries: required(ms),
  timeoutMs: required(ms),
  timeoutWithDeadlineMs: required(ms),
  retentionMs: required(ms),
});
/** Options of a log. */
const checkJsonLog = createOptionsCheck<logs.JsonLogOptions>('createJsonLog', {
  level: required(oneOf([...LEVELS, 'silent'])),
  output: required(withMethods('an output of lines', ['write', 'takeDropped'])),
  base: object,
  isWritten: func,
});
/** Options of `dial`; the last two are for tests. */
const checkDial = createOptionsCheck<dialling.DialOptions>('dial', {
  host: required(filledText),
  port: required(wholeNumber(0, 65_535)),
  clock: required(withMethods('a clock', ['after'])),
  signal: required(abortSignal),
  resolve: func,
  open: func,
});
/** A loop without a step, or one whose step is a promise, would never run. */
const checkLoop = createOptionsCheck<loops.LoopDeps>('createLoop', {
  name: required(filledText),
  runtime: required(wholeRuntime),
  step: required(func),
  failureMs: ms,
  maxStepMs: ms,
});

const lentDial = checkedAsync(dialling.dial, { options: (value, name) => void checkDial(value, name) });
const lentCreateLoop = checked(loops.createLoop, { deps: (value, name) => void checkLoop(value, name) });
/** For programs that check the options of a task themselves: most fields of a draft are taken as they are. */
const lentMakeTask = checked(tasks.makeTask, {
  draft: (value) => void checkDraft(value),
  defaults: (value) => void checkDefaults(value),
  runtime: withMethods('a runtime', ['newId']),
});
const lentCreateJsonLog = checked(logs.createJsonLog, {
  options: (value, name) => void checkJsonLog(value, name),
});
const lentWrittenFields = checked(logs.writtenFields, { fields: object, isWritten: func });

const lentWithoutStack = checked(stacks.withoutStack, {
  error: checkOf('an Error', (value) => value instanceof Error),
});
const lentMakeFolder = checked(folders.makeFolder, { path: filledText });
const lentWithin = checkedAsync<typeof waits.within>(waits.within, {
  clock: withMethods('a clock', ['sleep']),
  ms,
  work: func,
});

/** The clock of this machine and thread. */
const lentSystemClock: clock.Clock = {
  ...clock.systemClock,
  sleep: checkedAsync(clock.systemClock.sleep, { ms, signal: ifGiven(abortSignal), dueMs: ifGiven(ms) }),
  after: checked(clock.systemClock.after, { ms: delayMs, act: func }),
  every: checked(clock.systemClock.every, { ms: delayMs, act: func }),
};

// Knowledge of the model: texts in, texts out.
const lentContextOf = checked(model.contextOf, { headers: textMap });
const lentHeadersWith = checked(model.headersWith, {
  context: (value, name) => void checkContext(value, name),
  headers: textMap,
});
const lentLogicalQueue = checked(model.logicalQueue, { stored: anyText });
const lentStoredQueue = checked(model.storedQueue, {
  name: anyText,
  kind: taskKind,
});
const lentStoredQueues = checked(model.storedQueues, { name: anyText });
const lentPlainTaskId = checked(model.plainTaskId, { stored: anyText, business: orNull(anyText) });
const lentStoredTaskId = checked(model.storedTaskId, { id: anyText, business: orNull(anyText) });
const lentBackoffMs = checked(model.backoffMs, {
  n: wholeNumber(1),
  backoff: checkOf('a backoff with all of its fields', model.isBackoff),
  chance: checkOf('a number from 0 to 1', (value) => Number.isFinite(value)),
});

export {
  lentBackoffMs as backoffMs,
  lentContextOf as contextOf,
  lentCreateJsonLog as createJsonLog,
  lentCreateLoop as createLoop,
  lentDial as dial,
  lentHeadersWith as headersWith,
  lentLogicalQueue as logicalQueue,
  lentMakeFolder as makeFolder,
  lentMakeTask as makeTask,
  lentPlainTaskId as plainTaskId,
  lentStoredQueue as storedQueue,
  lentStoredQueues as storedQueues,
  lentStoredTaskId as storedTaskId,
  lentSystemClock as systemClock,
  lentWithin as within,
  lentWithoutStack as withoutStack,
  lentWrittenFields as writtenFields,
};
