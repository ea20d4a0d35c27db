// What the scenarios share: the payload, ways to load a peer, and the figures of one stretch of work.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

/** About 130 bytes of JSON, the same for everyone. */
export const PAYLOAD = {
  user_id: '1234567890',
  action: 'welcome',
  tags: ['a', 'b'],
  text: 'x'.repeat(60),
};

export const BULK = 1_000;

/** Calls `one` `count` times, `inFlight` at a time. */
export async function flood(count, inFlight, one) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

/** Enqueues in bulk, or one by one where a peer has no such call. */
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

/** Something that is over once it was counted `count` times. */
export function countdown(count) {
  let left = count;
  let finish;
  const over = new Promise((resolve) => (finish = resolve));
  const tick = () => {
    left -= 1;
    if (left === 0) finish();
  };
  return { over, tick };
}

/** Works until `count` tasks are done; resolves to what stops the worker. */
export async function drain(peer, count, concurrency) {
  const { over, tick } = countdown(count);
  const stop = await peer.work(concurrency, tick);
  await over;
  return stop;
}

/** Rate and CPU (cores of this process, and of Redis) while `run` does `count` tasks. */
export async function measure(count, redis, run) {
  const cpu = process.cpuUsage();
  const redisCpu = redis.cpu();
  const began = performance.now();
  const inside = await run();
  const here = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  const seconds = inside?.seconds ?? here;
  return {
    perSecond: count / seconds,
    clientCpu: (inside?.cpuSeconds ?? (user + system) / 1e6) / seconds,
    // Over the same stretch: what a peer prepares and tidies up outside of it asks little of Redis.
    redisCpu: (redis.cpu() - redisCpu) / seconds,
  };
}

/** Runs `use` with a folder that goes again. */
export async function inFolder(use) {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Opens a peer on an empty Redis and in an empty folder, for one round. */
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
