// Enqueues tasks and writes down what it was told of each.
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskCenterError } from '@task-center/engine';

/** Quick, so that an experiment sees its retries end. */
const BACKOFF = { kind: 'fixed', delayMs: 200, jitter: 0 };
const AGAIN_MS = 200;

/** Numbers in [0, 1) that belong to task `n`, whoever asks and when. */
function draws(seed, n) {
  const bytes = createHash('md5').update(`${seed}:${n}`).digest();
  return (place) => bytes.readUInt32BE(place * 4) / 2 ** 32;
}

/** Task `n` of a mix. `fails`: how many attempts fail first. */
function mixedTask(n, { seed = 0, queues = ['default'], mix = {}, payload, options }) {
  const { ms = [5, 200], delayed = 0.1, failing = 0.05, unique = 0 } = mix;
  const draw = draws(seed, n);
  const place = draw(1);
  // One in five of them fails for good.
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
      ...(place < delayed && { delay: `${Math.round(200 + 1_800 * draw(3))}ms` }),
      ...(place >= 1 - unique && { unique: '1m' }),
      ...options,
    },
  };
}

/** What an error says of the task: surely not stored, or nobody knows. */
function classified(error) {
  if (!(error instanceof TaskCenterError)) throw error;
  const { code, details } = error;
  const doubtful = details.outcome === 'unknown' || code === 'durability-not-reached';
  return { e: doubtful ? 'unknown' : 'refused', code };
}

/** The tasks to make, without an end where none is given; others have made those before `from`. */
function* tasksOf(given) {
  const { tasks, count = tasks?.length ?? Infinity, from = 0 } = given;
  for (let n = from; n < count; n += 1) yield tasks ? { ...tasks[n % tasks.length] } : mixedTask(n, given);
}

/** Resolves when all is enqueued, or `signal` has aborted and what is under way is told. */
export async function produce(client, given, { log, name, signal }) {
  const { perSecond = 100, lanes = 20, batch = 1, again = false, durability, fillerBytes = 0 } = given;
  const filler = 'x'.repeat(fillerBytes);
  const tasks = tasksOf(given);
  const began = performance.now();
  let made = 0;

  function next() {
    const { value, done } = tasks.next();
    if (done) return null;
    made += 1;
    const { payload = {}, options = {} } = value;
    return {
      task: 'task',
      payload,
      id: `${name}-${made}`,
      maxRetries: 3,
      retention: '1h',
      backoff: BACKOFF,
      ...(durability && { durability }),
      ...options,
    };
  }

  async function told(group) {
    try {
      if (group.length === 1) {
        const [{ task, payload, ...options }] = group;
        await client.enqueue(task, fillerBytes > 0 ? { ...payload, filler } : payload, options);
        return [null];
      }
      return (await client.enqueueMany(group)).map(({ error }) => error ?? null);
    } catch (error) {
      return group.map(() => error);
    }
  }

  async function enqueue(group, before = 'refused') {
    const open = [];
    let refused = 0;
    for (const [i, error] of (await told(group)).entries()) {
      const task = group[i];
      const { e, code } = error ? classified(error) : { e: 'ack' };
      // It was stored by the call whose answer was lost.
      const stored = before === 'unknown' && code === 'task-exists';
      // A call that was not carried out says nothing of the one before.
      const outcome = stored ? 'ack' : before === 'unknown' && e === 'refused' ? 'unknown' : e;
      log(outcome, { id: task.id, ...(code && { code }) });
      if (code === 'broker-unavailable' && e === 'refused') refused += 1;
      if (outcome === 'unknown' && code !== 'durability-not-reached') open.push(task);
    }
    if (refused > 0) await sleep(AGAIN_MS);
    if (!again || open.length === 0) return;
    await sleep(AGAIN_MS);
    await enqueue(open, 'unknown');
  }

  async function lane() {
    while (!signal.aborted) {
      const group = Array.from({ length: batch }, next).filter((task) => task !== null);
      if (group.length === 0) return;
      const waitMs = began + (made * 1_000) / perSecond - performance.now();
      if (waitMs > 0) await sleep(waitMs);
      for (const { id, queue, maxRetries, payload } of group)
        log('call', { id, queue: queue ?? 'default', maxRetries, does: payload });
      await enqueue(group);
    }
  }

  await Promise.all(Array.from({ length: lanes }, lane));
}
