// Shared by the scenarios: the payload, ways to load a peer, and the figures of one measurement.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** About 130 bytes of JSON, the same for all peers. */
export const PAYLOAD = {
  user_id: '1234567890',
  action: 'welcome',
  tags: ['a', 'b'],
  text: 'x'.repeat(60),
};

export const BULK = 1_000;

/** Calls a function `count` times, `inFlight` at a time. */
export async function flood(count, inFlight, call) {
  let next = 0;
  const runCalls = async () => {
    while (next < count) {
      next += 1;
      await call();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, runCalls));
}

/** Enqueues in bulk, or one by one where the peer has no bulk call. */
export async function fill(peer, count, payload = PAYLOAD) {
  if (peer.measure) {
    const bulk = await peer.measure({ kind: 'bulk', count, concurrency: BULK, payload });
    if (!bulk) await peer.measure({ kind: 'enqueue', count, concurrency: 100, payload });
    return;
  }
  if (!peer.enqueueBulk) {
    await flood(count, 100, () => peer.enqueue(payload));
    return;
  }
  for (let done = 0; done < count; done += BULK) {
    await peer.enqueueBulk(Array.from({ length: Math.min(BULK, count - done) }, () => payload));
  }
}

/** Resolves `over` when `tick` was called `count` times. */
export function countdown(count) {
  let remaining = count;
  let finish;
  const over = new Promise((resolve) => (finish = resolve));
  const tick = () => {
    remaining -= 1;
    if (remaining === 0) finish();
  };
  return { over, tick };
}

/** Works until `count` tasks are done; resolves to a function that stops the worker. */
export async function drain(peer, count, concurrency) {
  const { over, tick } = countdown(count);
  const stop = await peer.work(concurrency, tick);
  await over;
  return stop;
}

/**
 * The rate and the CPU (in cores, of the client and of Redis) while `run` handles `count` tasks. A peer that measures itself
 * returns its own figures from `run`.
 */
export async function measure(count, redis, run) {
  const cpu = process.cpuUsage();
  const redisCpu = redis.cpu();
  const began = performance.now();
  const ownFigures = await run();
  const elapsed = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const seconds = ownFigures?.seconds ?? elapsed;
  return {
    perSecond: count / seconds,
    clientCpu: (ownFigures?.cpuSeconds ?? (user + system) / 1e6) / seconds,
    // Divided by the same time: what a peer does before and after its own measurement costs Redis little.
    redisCpu: (redis.cpu() - redisCpu) / seconds,
  };
}

/** Runs `use` with a temporary folder. */
export async function inFolder(use) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs one round: opens a peer on an empty Redis and in an empty folder, and closes it. */
export async function withPeer(peer, redis, use) {
  await redis.flush();
  return inFolder(async (folder) => {
    const where = { redis: { url: redis.url, port: redis.port }, folder };
    const open = await peer.open(where);
    try {
      return await use(open, where);
    } finally {
      await open.close();
    }
  });
}
