// Runs tasks that behave as their payload says, and writes down what it saw.
import { setTimeout as sleep } from 'node:timers/promises';
import { Events, Worker } from '@task-center/engine';
import { now } from './log.mjs';

/** `performance.now()` counts from the start of the process. */
const SHIFT_MS = now() - performance.now();
const TOLD = ['lease.lost', 'tasks.recovered', 'tasks.quarantined', 'queue.repaired', 'worker.revived'];

function watched(log) {
  const events = new Events();
  events.on('attempt.finished', ({ task, attempt, outcome }) =>
    log('finished', { id: task.id, attempt, outcome }),
  );
  events.on('loop.failed', ({ loop, error }) =>
    log('event', { name: 'loop.failed', loop, error: String(error) }),
  );
  events.on('leases.renewed', ({ sinceMs, leases, queue, gapMs }) =>
    log('renewed', { since: sinceMs + SHIFT_MS, leases, queue, gapMs }),
  );
  events.on('leases.released', ({ atMs, ...rest }) => log('released', { at: atMs + SHIFT_MS, ...rest }));
  events.on('loop.stalled', (stall) => log('stalled', stall));
  for (const name of TOLD) {
    events.on(name, ({ task, ...rest }) => log('event', { name, ...(task && { id: task.id }), ...rest }));
  }
  return events;
}

/** What the engine says of trouble, for whoever looks into a failed run. */
function voice(log) {
  const say = (level) => (fields, message) => {
    const { err, ...rest } = fields;
    log('logged', { level, message, ...rest, ...(err && { err: String(err) }) });
  };
  return { debug() {}, info() {}, warn: say('warn'), error: say('error') };
}

function eatMemory() {
  const eaten = [];
  for (;;) eaten.push(Array.from({ length: 100_000 }, Math.random));
}

function cycle() {
  const one = { name: 'one' };
  one.self = one;
  return one;
}

/** What a handler may throw though nobody should. */
const ODDITIES = {
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

/** What a handler can be told to do; `signal` only for those that heed it. */
const DEEDS = {
  ms: (ms, signal) => sleep(ms, undefined, { signal }),
  kill: () => process.kill(process.pid, 'SIGKILL'),
  exit: (code) => process.exit(code),
  oom: eatMemory,
  hang: () => new Promise(() => {}),
  throw(text) {
    throw new Error(text);
  },
  odd(kind) {
    throw ODDITIES[kind]();
  },
  uncaught: (text) => void setImmediate(() => DEEDS.throw(text)),
  unhandled: (text) => void Promise.reject(new Error(text)),
  block(ms) {
    const end = performance.now() + ms;
    while (performance.now() < end);
  },
};

/** One deed after the other, as they stand in the payload. */
async function behave(task, signal, log) {
  const { fail = 0, ignoreAbort = false, once = false, ...does } = task.payload ?? {};
  for (const [what, how] of Object.entries(does)) {
    if (once && what !== 'ms' && task.attempt > 1) continue;
    if (what !== 'ms') log('action', { id: task.id, attempt: task.attempt, what });
    await DEEDS[what]?.(how, ignoreAbort ? undefined : signal);
  }
  if (task.retried < fail) throw new Error('as it was told');
}

/** A started worker. */
export async function work(broker, given, { log, name }) {
  const { concurrency = 10, queues = ['default'], ...options } = given;
  const runtime = { events: watched(log), log: voice(log) };
  const worker = new Worker(broker, { concurrency, queues, ...options, runtime });
  worker.handle('*', async (task, { signal }) => {
    const { id, attempt, queue } = task;
    log('start', { id, attempt, queue });
    signal.addEventListener('abort', () => log('abort', { id, attempt, cause: signal.reason.cause }));
    try {
      await behave(task, signal, log);
      log('end', { id, attempt, outcome: 'ok' });
      return { by: name, attempt };
    } catch (error) {
      log('end', { id, attempt, outcome: signal.aborted ? 'aborted' : 'fail' });
      throw error;
    }
  });
  log('working', { leaseMs: options.leaseMs ?? 6_000 });
  await worker.start();
  return worker;
}
