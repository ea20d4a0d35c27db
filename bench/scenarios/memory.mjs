// Memory: resident memory of processes with 10,000 running tasks, their cost for another worker, and bytes of waiting tasks in Redis.
import { drain, fill, inFolder, measure, PAYLOAD, withPeer } from '../measure.mjs';
import { restingMemory, startWorkers } from '../processes.mjs';
import { spread } from '../report.mjs';
import { receive, serve } from '../service.mjs';
import { inProcesses, worksInProcesses } from './workers.mjs';

/** Running tasks of the measured process. */
const ACTIVE = 10_000;
/** Waiting tasks, and tasks of a round of the second worker. */
const DRAINED = 30_000;
/** The payload of a task that keeps running. */
const HELD = { ...PAYLOAD, neverEnds: true };

/** The median of `MEMORY USAGE` of up to 100 hashes: the bytes of a task's own key, without lists and sets. */
async function hashBytes(redis) {
  const [, keys] = await redis.send('SCAN', '0', 'COUNT', '500', 'TYPE', 'hash');
  const sizes = [];
  for (const key of keys.slice(0, 100)) sizes.push(Number(await redis.send('MEMORY', 'USAGE', key)));
  return sizes.length === 0 ? null : spread(sizes).median;
}

/** Measures the memory of waiting tasks in Redis. */
function waiting(peer, redis) {
  return withPeer(peer, redis, async (open) => {
    const before = await redis.usedBytes();
    await fill(open, DRAINED);
    const bytes = ((await redis.usedBytes()) - before) / DRAINED;
    return {
      peer: peer.name,
      'bytes per task': Math.round(bytes),
      'bytes of its hash': await hashBytes(redis),
    };
  });
}

/** Measures a worker process with `ACTIVE` running tasks; `beside` runs meanwhile. */
async function holding(peer, where, beside) {
  const holder = await startWorkers(peer, where);
  const [pid] = holder.pids;
  const idle = await restingMemory(pid, 500);
  await holder.fill(ACTIVE, HELD);
  await holder.go(ACTIVE);
  await holder.saw(ACTIVE);
  const { mb, peakMb } = await restingMemory(pid);
  const besideResult = await beside();
  await holder.kill();
  return {
    row: { what: 'worker process', peer: peer.name, 'idle MB': idle.mb, 'active MB': mb, 'peak MB': peakMb },
    besideResult,
  };
}

/** Measures the rate of a second worker, alone and while the first runs its tasks. */
async function active(peer, { redis, rounds, count }) {
  const once = async (open) => {
    await fill(open, count);
    await redis.longestScript();
    let stop;
    const { perSecond } = await measure(count, redis, async () => {
      stop = await drain(open, count, 100);
    });
    const script = await redis.longestScript();
    await stop();
    return { perSecond, ms: script?.ms ?? 0 };
  };
  const many = async (open) => {
    await once(open);
    const results = [];
    for (let i = 0; i < rounds; i += 1) results.push(await once(open));
    return {
      rate: spread(results.map(({ perSecond }) => perSecond)).median,
      ms: Math.max(...results.map(({ ms }) => ms)),
    };
  };
  const alone = await withPeer(peer, redis, many);
  const { row, besideResult } = await withPeer(peer, redis, (open, where) =>
    holding(peer, where, () => many(open)),
  );
  const rates = {
    peer: peer.name,
    'tasks/s with none': Math.round(alone.rate),
    'tasks/s with 10,000': Math.round(besideResult.rate),
    share: besideResult.rate / alone.rate,
    'longest script ms': besideResult.ms,
  };
  return { row, rates };
}

/** Measures the service with `ACTIVE` callbacks that wait for their answers. */
async function service(name, broker) {
  return inFolder(async (folder) => {
    const running = await serve(broker, folder, ['--callback-concurrency', String(ACTIVE)]);
    const idle = await restingMemory(running.pid, 500);
    let arrived = 0;
    let complete;
    const allArrived = new Promise((resolve) => (complete = resolve));
    const receiver = await receive(() => {
      arrived += 1;
      if (arrived === ACTIVE) complete();
      return new Promise(() => {});
    });
    const tasks = Array.from({ length: ACTIVE }, (_, i) => ({ id: `t-${i}`, payload: PAYLOAD }));
    await running.submit({ callback: { url: receiver.url }, timeout: '10m' }, tasks);
    await allArrived;
    const { mb, peakMb } = await restingMemory(running.pid);
    await running.stop('SIGKILL');
    await receiver.stop();
    return { what: 'service, callbacks', peer: name, 'idle MB': idle.mb, 'active MB': mb, 'peak MB': peakMb };
  });
}

/** Measures 10,000 running tasks: memory of the processes, bytes in Redis, and the rate of another worker meanwhile. */
export async function memory({ startRedis, rounds, scale, ...which }) {
  const redis = await startRedis();
  const processes = [];
  const rates = [];
  const bytes = [];
  const count = Math.max(2_000, DRAINED * scale);
  for (const peer of await inProcesses(which, redis)) {
    if (peer.store === 'redis') bytes.push(await waiting(peer, redis));
    if (worksInProcesses(peer)) {
      const found = await active(peer, { redis, rounds, count });
      processes.push(found.row);
      rates.push(found.rates);
    } else {
      const alone = (folder) =>
        holding(peer, { redis: { url: redis.url, port: redis.port }, folder }, () => null);
      processes.push((await inFolder(alone)).row);
    }
  }
  await redis.flush();
  processes.push(await service('Task Center (Redis)', redis.url));
  processes.push(await service('Task Center (SQLite)', null));
  await redis.stop();
  return {
    tables: [
      { id: 'memory', title: 'Memory: resident, of one process with 10,000 active tasks', rows: processes },
      { id: 'active', title: 'A second worker beside 10,000 active tasks, concurrency 100', rows: rates },
      { id: 'bytes', title: 'Bytes in Redis of a waiting task', rows: bytes },
    ],
  };
}
