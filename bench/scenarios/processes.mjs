// Processes: the rate of 1, 2 and 4 worker processes that empty one queue.
import { nowMs } from '../clock.mjs';
import { fill, withPeer } from '../measure.mjs';
import { startWorkers } from '../processes.mjs';
import { spread, largest } from '../report.mjs';
import { inProcesses, worksInProcesses } from './workers.mjs';

/** Numbers of worker processes. */
const COUNTS = [1, 2, 4];
const CONCURRENCY = 100;
/** Tasks of a round at scale 1. */
const TASKS = 60_000;

/** Starts worker processes that are already open on a full queue, and measures until it is empty. */
function round(peer, redis, { workerCount, count }) {
  return withPeer(peer, redis, async (open, where) => {
    await fill(open, count);
    const workers = await startWorkers(peer, where, workerCount);
    await redis.longestScript();
    const redisCpu = redis.cpu();
    const began = nowMs();
    const going = workers.go(CONCURRENCY);
    await workers.saw(count);
    const seconds = (workers.lastAt() - began) / 1_000;
    const figures = {
      perSecond: count / seconds,
      clientCpu: workers.cpuSeconds() / seconds,
      redisCpu: (redis.cpu() - redisCpu) / seconds,
      script: await redis.longestScript(),
    };
    await going;
    await workers.stop();
    return figures;
  });
}

/** Measures what more worker processes gain on the cores of this machine. */
export async function processes({ startRedis, rounds, scale, ...which }) {
  const redis = await startRedis();
  const rows = [];
  const able = (await inProcesses(which, redis)).filter(worksInProcesses);
  const count = Math.max(2_000, TASKS * scale);
  for (const workerCount of COUNTS) {
    const results = new Map(able.map((peer) => [peer.name, []]));
    for (let i = 0; i < rounds; i += 1) {
      for (const peer of able) {
        results.get(peer.name).push(await round(peer, redis, { workerCount, count }));
      }
    }
    for (const [peer, figures] of results) {
      const middle = (key) => spread(figures.map((roundFigures) => roundFigures[key])).median;
      rows.push({
        'worker processes': workerCount,
        peer,
        'tasks/s': Math.round(middle('perSecond')),
        'CPU of workers': middle('clientCpu'),
        'Redis CPU': middle('redisCpu'),
        'longest script ms': largest(figures.map(({ script }) => script?.ms ?? null)),
      });
    }
  }
  await redis.stop();
  return {
    tables: [{ id: 'processes', title: `Several worker processes, concurrency ${CONCURRENCY} each`, rows }],
  };
}
