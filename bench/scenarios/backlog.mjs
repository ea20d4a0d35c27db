// Backlog: does a long queue slow processing? Each level of waiting tasks has a store of its own, and rounds alternate between the
// levels. `share` is the rate relative to the smallest level.
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { BULK, countdown, fill, measure, PAYLOAD } from '../measure.mjs';
import { spread, largest } from '../report.mjs';
import { inProcesses } from './workers.mjs';

/** Numbers of waiting tasks. */
const LEVELS = [1_000, 100_000, 1_000_000];
/** Tasks of a round at scale 1. */
const TASKS = 20_000;
/** The smallest backlog is not scaled down: with fewer tasks a worker would wait for the producer. */
const levelsAt = (scale) => LEVELS.map((level) => Math.max(1_000, level * Math.min(1, scale)));

/** Opens a peer with `level` waiting tasks on a store of its own: the levels are measured in turn. */
async function openLevel(peer, startRedis, level) {
  const redis = await startRedis();
  const folder = mkdtempSync(path.join(os.tmpdir(), 'bench-backlog-'));
  const open = await peer.open({ redis: { url: redis.url, port: redis.port }, folder });
  const empty = await redis.usedBytes();
  await fill(open, level);
  const bytes = ((await redis.usedBytes()) - empty) / level;
  // One bulk more: the number of waiting tasks then never falls below the level.
  await fill(open, BULK);
  return {
    redis,
    open,
    bytes,
    async end() {
      await open.close();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Processes tasks while as many new ones are enqueued, 1,000 at a time. */
async function round({ redis, open }, count) {
  const { over, tick } = countdown(count);
  const refills = [];
  let done = 0;
  await redis.longestScript();
  let stop;
  const figures = await measure(count, redis, async () => {
    stop = await open.work(100, () => {
      done += 1;
      tick();
      if (done % BULK === 0) refills.push(fill(open, BULK, PAYLOAD));
    });
    await over;
  });
  await stop();
  await Promise.all(refills);
  return { ...figures, script: await redis.longestScript() };
}

/** Measures all levels of a peer in turn; returns a row for each. */
async function levelsOf(peer, { startRedis, rounds, scale }) {
  const levels = levelsAt(scale);
  const stores = [];
  for (const level of levels) stores.push(await openLevel(peer, startRedis, level));
  const results = stores.map(() => []);
  const count = Math.max(2_000, TASKS * scale);
  for (const store of stores) await round(store, Math.max(BULK, count / 4));
  for (let i = 0; i < rounds; i += 1) {
    for (const [k, store] of stores.entries()) results[k].push(await round(store, count));
  }
  for (const store of stores) await store.end();
  const rates = results.map((figures) => spread(figures.map(({ perSecond }) => perSecond)).median);
  return levels.map((level, k) => ({
    waiting: level,
    peer: peer.name,
    'tasks/s': Math.round(rates[k]),
    share: rates[k] / rates[0],
    'Redis CPU': spread(results[k].map(({ redisCpu }) => redisCpu)).median,
    'Redis bytes per task': peer.store === 'redis' ? Math.round(stores[k].bytes) : null,
    'longest script ms': largest(results[k].map(({ script }) => script?.ms ?? null)),
  }));
}

/** Measures whether a long queue slows processing. As many tasks are enqueued as are processed. */
export async function backlog({ startRedis, rounds, scale, ...which }) {
  const probe = await startRedis();
  const able = await inProcesses(which, probe);
  await probe.stop();
  const rows = [];
  for (const peer of able) rows.push(...(await levelsOf(peer, { startRedis, rounds, scale })));
  return { tables: [{ id: 'backlog', title: 'Backlog: processing with many tasks waiting', rows }] };
}
