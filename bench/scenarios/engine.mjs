import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bullmq } from '../peers/bullmq.mjs';
import { taskCenter } from '../peers/task-center.mjs';
import { startRedis } from '../redis.mjs';
import { spread } from '../report.mjs';

const IN_FLIGHT = 100;
const BULK = 1_000;
const payload = { user_id: '1234567890', action: 'welcome', tags: ['a', 'b'], text: 'x'.repeat(60) };

/** Calls `one` `count` times, `inFlight` at a time. */
async function flood(count, inFlight, one) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await one();
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

async function measure(count, redis, run) {
  const cpu = process.cpuUsage();
  const redisCpu = redis.cpu();
  const began = performance.now();
  await run();
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  return {
    perSecond: count / seconds,
    clientCpu: (user + system) / 1e6 / seconds,
    redisCpu: (redis.cpu() - redisCpu) / seconds,
  };
}

const fill = async (peer, count) => {
  for (let done = 0; done < count; done += BULK)
    await peer.enqueueBulk(Array.from({ length: BULK }, () => payload));
};

/** Each takes an open peer and does `count` tasks. */
const jobs = {
  'enqueue, 100 in flight': {
    count: 20_000,
    run: (peer, count) => flood(count, IN_FLIGHT, () => peer.enqueue(payload)),
  },
  'enqueue in bulk of 1,000': { count: 50_000, run: fill },
  'process, concurrency 1': { count: 3_000, prepare: fill, run: (peer, count) => drain(peer, count, 1) },
  'process, concurrency 10': { count: 20_000, prepare: fill, run: (peer, count) => drain(peer, count, 10) },
  'process, concurrency 100': { count: 30_000, prepare: fill, run: (peer, count) => drain(peer, count, 100) },
};

async function drain(peer, count, concurrency) {
  let done = 0;
  let finish;
  const all = new Promise((resolve) => (finish = resolve));
  const stop = await peer.work(concurrency, () => {
    done += 1;
    if (done === count) finish();
  });
  await all;
  return stop;
}

async function round(peerOf, job, redis) {
  await redis.flush();
  const peer = await peerOf.open();
  await job.prepare?.(peer, job.count);
  let stop;
  const figures = await measure(job.count, redis, async () => (stop = await job.run(peer, job.count)));
  if (typeof stop === 'function') await stop();
  await peer.close();
  return figures;
}

function rowsOf(jobName, peers, results) {
  const base = spread(results.get('BullMQ').map(({ perSecond }) => perSecond)).median;
  return peers.map(({ name }) => {
    const rounds = results.get(name);
    const { median, min, max } = spread(rounds.map(({ perSecond }) => perSecond));
    return {
      scenario: jobName,
      peer: name,
      'tasks/s': Math.round(median),
      'min–max': `${Math.round(min)}–${Math.round(max)}`,
      '× BullMQ': median / base,
      'client CPU': spread(rounds.map(({ clientCpu }) => clientCpu)).median,
      'Redis CPU': spread(rounds.map(({ redisCpu }) => redisCpu)).median,
    };
  });
}

/** Enqueue, bulk enqueue and processing beside BullMQ on the same Redis, alternating round by round. */
export async function engine({ rounds = 5, only } = {}) {
  const redis = await startRedis();
  const dir = mkdtempSync(path.join(os.tmpdir(), 'bench-sqlite-'));
  let files = 0;
  const peers = [
    taskCenter('Task Center (Redis)', redis.url),
    bullmq('BullMQ', redis),
    taskCenter('Task Center (SQLite)', () => `sqlite:${path.join(dir, `${(files += 1)}.db`)}`),
  ];
  const rows = [];
  for (const [name, job] of Object.entries(jobs)) {
    if (only && !name.includes(only)) continue;
    const results = new Map(peers.map((peer) => [peer.name, []]));
    for (const peer of peers) await round(peer, { ...job, count: Math.max(BULK, job.count / 10) }, redis);
    for (let i = 0; i < rounds; i += 1) {
      for (const peer of peers) results.get(peer.name).push(await round(peer, job, redis));
    }
    rows.push(...rowsOf(name, peers, results));
  }
  await redis.stop();
  rmSync(dir, { recursive: true, force: true });
  return { scenario: 'engine', rounds, tables: [{ title: `engine: medians of ${rounds} rounds`, rows }] };
}
