// Engine: rates of enqueueing and processing. All peers use the same Redis and alternate round by round, which spreads slow moments
// of the machine over all of them.
import { BULK, drain, fill, flood, measure, PAYLOAD, withPeer } from '../measure.mjs';
import { smallest, spread, largest } from '../report.mjs';

const kindOf = (kind, concurrency) => ({ kind, concurrency });

/** `warmUp`: tasks of an unmeasured round at scale 1. */
const JOBS = {
  'enqueue, 100 in flight': { ...kindOf('enqueue', 100), warmUp: 10_000 },
  'enqueue in bulk of 1,000': { ...kindOf('bulk', BULK), warmUp: 20_000 },
  'process, concurrency 1': { ...kindOf('process', 1), warmUp: 1_000 },
  'process, concurrency 10': { ...kindOf('process', 10), warmUp: 5_000 },
  'process, concurrency 100': { ...kindOf('process', 100), warmUp: 10_000 },
  'process, concurrency 500': { ...kindOf('process', 500), warmUp: 10_000 },
  'enqueue and process at once': { ...kindOf('both', 100), warmUp: 5_000 },
};
/**
 * Duration of a round of each peer at scale 1: the number of tasks follows from the peer's rate. Much shorter rounds say little
 * on a shared machine.
 */
const ROUND_S = 1;
/** Upper limit of tasks in a round. */
const MAX_TASKS = 400_000;
const wholeBulks = (count) => Math.min(MAX_TASKS, Math.max(BULK, Math.round(count / BULK) * BULK));

/** How a peer that does not measure itself does each kind of job. */
const RUNS = {
  enqueue: (peer, { count, concurrency }) => flood(count, concurrency, () => peer.enqueue(PAYLOAD)),
  bulk: (peer, { count }) => fill(peer, count),
  process: (peer, { count, concurrency }) => drain(peer, count, concurrency),
  both: async (peer, { count, concurrency }) => {
    const drained = drain(peer, count, concurrency);
    await flood(count, concurrency, () => peer.enqueue(PAYLOAD));
    return drained;
  },
};

/** Whether an open peer supports a job. */
const can = (peer, { kind }) =>
  kind !== 'bulk' || peer.measure !== undefined || peer.enqueueBulk !== undefined;

/** Measures one round; null if the peer does not support the job. */
function round(peer, job, redis) {
  return withPeer(peer, redis, async (open) => {
    if (!can(open, job)) return null;
    if (job.kind === 'process') await fill(open, job.count);
    await redis.longestScript();
    let result;
    const figures = await measure(job.count, redis, async () => {
      const request = { ...job, payload: PAYLOAD };
      result = open.measure ? await open.measure(request) : await RUNS[job.kind](open, job);
      return open.measure ? result : null;
    });
    if (open.measure && !result) return null;
    if (typeof result === 'function') await result();
    return { ...figures, script: await redis.longestScript() };
  });
}

/** The table rows of one job, a row per peer. @param results the measured rounds by peer name */
function rowsOf(job, results) {
  const base = results.get('BullMQ');
  const middle = (rounds, key) => spread(rounds.map((figures) => figures[key])).median;
  return [...results].map(([peer, rounds]) => {
    const { median, min, max } = spread(rounds.map(({ perSecond }) => perSecond));
    const scripts = rounds.map(({ script }) => script?.ms ?? null);
    return {
      scenario: job,
      peer,
      'tasks/s': Math.round(median),
      'min–max': `${Math.round(min).toLocaleString('en')}–${Math.round(max).toLocaleString('en')}`,
      '× BullMQ': base ? median / middle(base, 'perSecond') : null,
      'client CPU': middle(rounds, 'clientCpu'),
      'Redis CPU': middle(rounds, 'redisCpu'),
      'longest script ms': largest(scripts),
      'in every round ms': smallest(scripts),
    };
  });
}

/** Measures the peers in turn, round by round. The warm-up round also determines how many tasks make a round. */
async function alternate(job, { peers, rounds, scale, redis }) {
  const results = new Map();
  const able = [];
  for (const peer of peers) {
    const warmUp = await round(peer, { ...job, count: wholeBulks(job.warmUp * scale) }, redis);
    if (warmUp) able.push({ peer, count: wholeBulks(warmUp.perSecond * ROUND_S * scale) });
  }
  for (const { peer } of able) results.set(peer.name, []);
  for (let i = 0; i < rounds; i += 1) {
    for (const { peer, count } of able) {
      results.get(peer.name).push(await round(peer, { ...job, count }, redis));
    }
  }
  return results;
}

/** Compares enqueueing, bulk enqueueing and processing with the peers on the same Redis. */
export async function engine({ startRedis, peers, rounds, scale, jobs, persistence }) {
  const redis = await startRedis();
  const rows = [];
  for (const [name, job] of Object.entries(JOBS)) {
    if (!jobs(name)) continue;
    const results = await alternate(job, { peers, rounds, scale, redis });
    rows.push(...rowsOf(name, results));
  }
  await redis.stop();
  const store = persistence === 'aof' ? 'Redis with AOF everysec' : 'Redis without persistence';
  return {
    tables: [{ id: `engine-${persistence}`, title: `Engine: ${store}, medians of ${rounds} rounds`, rows }],
  };
}
