// Enqueues tasks and logs the answer for each.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskCenterError } from '@task-center/engine';

/** Short, as an experiment waits until all retries have ended. */
const BACKOFF = { kind: 'fixed', delay: 200, jitter: 0 };
/** Pause after a refusal, and before a task of unknown outcome is enqueued again. */
const PAUSE_MS = 200;

/** Random numbers in [0, 1) that depend only on the seed, the task's number and the index. */
function draws(seed, n) {
  const bytes = createHash('md5').update(`${seed}:${n}`).digest();
  return (index) => bytes.readUInt32BE(index * 4) / 2 ** 32;
}

/** Task `n` of the mix. */
function mixedTask(n, { seed = 0, queues = ['default'], mix = {}, payload, options }) {
  const { ms = [5, 200], delayed = 0.1, failing = 0.05, unique = 0 } = mix;
  const draw = draws(seed, n);
  // One number for both shares: no task is both delayed and unique.
  const share = draw(1);
  // Attempts that fail first. One failing task in five fails for good.
  const fails = draw(2) >= failing ? 0 : draw(2) < failing / 5 ? 9 : 1;
  return {
    payload: {
      ms: Math.round(ms[0] + draw(0) * (ms[1] - ms[0])),
      ...(fails > 0 && { fail: fails }),
      ...payload,
    },
    options: {
      queue: queues[n % queues.length],
      ...(fails === 9 && { maxRetries: 1 }),
      ...(share < delayed && { delay: `${Math.round(200 + 1_800 * draw(3))}ms` }),
      ...(share >= 1 - unique && { unique: '1m' }),
      ...options,
    },
  };
}

/** Whether an error means that the task was certainly not stored (`refused`), or that the outcome is unknown. */
function classify(error) {
  if (!(error instanceof TaskCenterError)) throw error;
  const { code, details } = error;
  const isUnknown = details.outcome === 'unknown' || code === 'durability-not-reached';
  return { e: isUnknown ? 'unknown' : 'refused', code };
}

/** The tasks to enqueue, from number `from` on; endless without `count` and `tasks`. */
function* tasksOf(options) {
  const { tasks, count = tasks?.length ?? Infinity, from = 0 } = options;
  for (let n = from; n < count; n += 1) yield tasks ? { ...tasks[n % tasks.length] } : mixedTask(n, options);
}

/** Produces. Resolves when all tasks are enqueued, or when `signal` has aborted and the calls in flight are answered. */
export async function produce(client, produceOptions, { log, name, signal }) {
  const {
    perSecond = 100,
    parallel = 20,
    batch = 1,
    retryUnknown = false,
    durability,
    fillerBytes = 0,
  } = produceOptions;
  const filler = 'x'.repeat(fillerBytes);
  const tasks = tasksOf(produceOptions);
  const began = performance.now();
  let count = 0;

  function next() {
    const { value, done } = tasks.next();
    if (done) return null;
    count += 1;
    const { payload = {}, options = {} } = value;
    return {
      task: 'task',
      payload,
      id: `${name}-${count}`,
      maxRetries: 3,
      retention: '1h',
      backoff: BACKOFF,
      ...(durability && { durability }),
      ...options,
    };
  }

  /** Enqueues a batch; resolves to an error or null per task. */
  async function send(group) {
    try {
      if (group.length === 1) {
        const [{ task, payload, ...options }] = group;
        await client.enqueue(task, fillerBytes > 0 ? { ...payload, filler } : payload, options);
        return [null];
      }
      const outcomes = await client.enqueueMany(group, { outcomes: true });
      return outcomes.map(({ error }) => error ?? null);
    } catch (error) {
      return group.map(() => error);
    }
  }

  /** Enqueues a batch and logs the answers. `before`: the answer of the last call with these tasks. */
  async function enqueue(group, before = 'refused') {
    const unknown = [];
    let refused = 0;
    for (const [i, error] of (await send(group)).entries()) {
      const task = group[i];
      const { e, code } = error ? classify(error) : { e: 'ack' };
      // The call whose answer was lost had stored it.
      const wasStored = before === 'unknown' && code === 'task-exists';
      // A refused call says nothing about the call before it.
      const outcome = wasStored ? 'ack' : before === 'unknown' && e === 'refused' ? 'unknown' : e;
      log(outcome, { id: task.id, ...(code && { code }) });
      if (/^broker-(?:unavailable|unsafe)$/.test(code) && e === 'refused') refused += 1;
      if (outcome === 'unknown' && code !== 'durability-not-reached') unknown.push(task);
    }
    if (refused > 0) await sleep(PAUSE_MS);
    if (!retryUnknown || unknown.length === 0) return;
    await sleep(PAUSE_MS);
    await enqueue(unknown, 'unknown');
  }

  async function runCalls() {
    while (!signal.aborted) {
      const group = Array.from({ length: batch }, next).filter((task) => task !== null);
      if (group.length === 0) return;
      const waitMs = began + (count * 1_000) / perSecond - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      for (const { id, queue, maxRetries, payload } of group)
        log('call', { id, queue: queue ?? 'default', maxRetries, does: payload });
      await enqueue(group);
    }
  }

  await Promise.all(Array.from({ length: parallel }, runCalls));
}
