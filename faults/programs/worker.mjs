// A worker whose handlers behave as the payload says, and which logs its attempts and events.
import { setTimeout as sleep } from 'node:timers/promises';
import { Inspector, TaskCenterError, Worker } from '@task-center/engine';
import { surroundings } from './surroundings.mjs';

function exhaustMemory() {
  const chunks = [];
  for (;;) chunks.push(Array.from({ length: 100_000 }, Math.random));
}

function cycle() {
  const object = { name: 'cyclic' };
  object.self = object;
  return object;
}

/** Unusual values that a handler may throw. */
const UNUSUAL_VALUES = {
  huge: () => new Error('x'.repeat(10_000_000)),
  'huge text': () => 'y'.repeat(10_000_000),
  cyclic: cycle,
  'cyclic cause': () => {
    const error = new Error('its cause is itself');
    error.cause = error;
    return error;
  },
  undefined: () => undefined,
  null: () => null,
  symbol: () => Symbol('strange'),
  function: () => () => {},
  bigint: () => 10n,
  'no prototype': () => Object.create(null),
  proxy: () =>
    new Proxy(
      {},
      {
        get() {
          throw new Error('do not touch');
        },
      },
    ),
  'message throws': () =>
    Object.defineProperty(new Error(), 'message', {
      get() {
        throw new Error('do not look');
      },
    }),
  'bad text': () => new Error('\ud800 \u0000 \u001b[31m'),
};

/** The actions of a payload. `signal` is missing where the handler must ignore the abort. */
const ACTIONS = {
  ms: (ms, signal) => sleep(ms, undefined, { signal }),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: (code) => process.exit(code),
  oom: exhaustMemory,
  hang: () => new Promise(() => {}),
  throw(text) {
    throw new Error(text);
  },
  throwUnusual(kind) {
    throw UNUSUAL_VALUES[kind]();
  },
  uncaught: (text) => void setImmediate(() => ACTIONS.throw(text)),
  unhandled: (text) => void Promise.reject(new Error(text)),
  block(ms) {
    const end = performance.now() + ms;
    while (performance.now() < end);
  },
};

/** Cancels the task of the same producer whose number is `offset` higher. One that has ended cannot be cancelled any more. */
async function cancelOther(inspector, { id, queue }, offset) {
  const other = id.replace(/\d+$/, (number) => Number(number) + offset);
  try {
    await inspector.tasks.cancel({ queue, id: other }, { by: id });
  } catch (error) {
    if (!(error instanceof TaskCenterError)) throw error;
  }
}

/** Performs the actions of the payload in order. */
async function behave(task, signal, { log, inspector }) {
  const { fail = 0, ignoreAbort = false, once = false, ...actions } = task.payload ?? {};
  for (const [what, argument] of Object.entries(actions)) {
    if (once && what !== 'ms' && task.attempt > 1) continue;
    if (what !== 'ms') log('action', { id: task.id, attempt: task.attempt, what });
    if (what === 'cancel') await cancelOther(inspector, task, argument);
    else await ACTIONS[what]?.(argument, ignoreAbort ? undefined : signal);
  }
  if (task.retried < fail) throw new Error('planned failure');
}

/** Starts a worker. */
export async function work(broker, workOptions, { log, name }) {
  const { concurrency = 10, queues = ['default'], ...options } = workOptions;
  const inspector = new Inspector(broker);
  const worker = new Worker(broker, { concurrency, queues, ...options, runtime: surroundings(log) });
  worker.handle('*', async (task, { signal }) => {
    const { id, attempt, queue } = task;
    log('start', { id, attempt, queue });
    signal.addEventListener('abort', () => log('abort', { id, attempt, cause: signal.reason.cause }));
    try {
      await behave(task, signal, { log, inspector });
      log('end', { id, attempt, outcome: 'ok' });
      return { by: name, attempt };
    } catch (error) {
      log('end', { id, attempt, outcome: signal.aborted ? 'aborted' : 'fail' });
      throw error;
    }
  });
  log('working', { leaseMs: options.lease ?? 6_000 });
  await worker.start();
  return worker;
}
