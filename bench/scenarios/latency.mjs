// Latency: from the enqueue call to the start of the handler, and until the caller has the result. Workers are processes of
// their own where the store allows it.
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.mjs';
import { countdown, flood, PAYLOAD, withPeer } from '../measure.mjs';
import { startWorkers } from '../processes.mjs';
import { percentile, spread } from '../report.mjs';
import { inProcesses, worksInProcesses } from './workers.mjs';

/** Measured tasks with idle workers at scale 1. */
const SAMPLES = 200;
/** Numbers of idle worker processes. */
const IDLE_WORKERS = [1, 50];
const IDLE_CONCURRENCY = 10;
/** Tasks that determine the largest rate, at scale 1. */
const FLOOD = 20_000;
/** Duration of the measurement at half of that rate, at scale 1. */
const SECONDS_AT_HALF = 5;
/** Unmeasured tasks before the samples. */
const WARM_UP = 20;

const figures = (latencies) => ({
  tasks: latencies.length,
  'p50 ms': spread(latencies).median,
  'p99 ms': percentile(latencies, 0.99),
  'max ms': latencies.reduce((largest, ms) => Math.max(largest, ms), 0),
});

/** Starts workers: processes, or for a store of a single process workers in this one with the same interface. */
async function workersOf(peer, { open, where }, { processes, concurrency }) {
  if (worksInProcesses(peer)) {
    const workers = await startWorkers(peer, where, processes);
    await workers.go(concurrency);
    return workers;
  }
  let latencies = [];
  let started = 0;
  let target = 0;
  let { over, tick } = countdown(1);
  const stop = await open.work(concurrency, ({ at }) => {
    latencies.push(nowMs() - at);
    started += 1;
    if (started >= target) tick();
  });
  return {
    stop,
    started: () => started,
    lastAt: nowMs,
    takeLatencies() {
      const result = latencies;
      latencies = [];
      return result;
    },
    saw(count) {
      target = count;
      ({ over, tick } = countdown(1));
      if (started >= target) tick();
      return over;
    },
  };
}

/** Measures from the enqueue call to the start of the handler with idle workers. */
async function idle(peer, redis, { processes, samples }) {
  return withPeer(peer, redis, async (open, where) => {
    const workers = await workersOf(peer, { open, where }, { processes, concurrency: IDLE_CONCURRENCY });
    for (let i = 1; i <= WARM_UP + samples; i += 1) {
      await open.enqueue({ ...PAYLOAD, at: nowMs() });
      await workers.saw(i);
      // A random pause: the result must not depend on the rhythm of the worker or of this loop.
      await sleep(20 + Math.random() * 40);
    }
    await workers.stop();
    return { ...figures(workers.takeLatencies().slice(WARM_UP)), script: await redis.longestScript() };
  });
}

/** Measures from the call until the result of the handler is back, with one idle worker. */
async function roundTrips(peer, redis, { samples }) {
  return withPeer(peer, redis, async (open, where) => {
    const workers = await workersOf(peer, { open, where }, { processes: 1, concurrency: IDLE_CONCURRENCY });
    const latencies = [];
    for (let i = 1; i <= WARM_UP + samples; i += 1) {
      const calledAt = nowMs();
      await open.enqueueAndWait({ ...PAYLOAD, at: calledAt });
      latencies.push(nowMs() - calledAt);
      await sleep(20 + Math.random() * 40);
    }
    await workers.stop();
    return { ...figures(latencies.slice(WARM_UP)), script: await redis.longestScript() };
  });
}

/** Enqueues at an even rate, without waiting for answers. */
async function pace(open, rate, seconds) {
  const began = nowMs();
  const count = Math.round(rate * seconds);
  const calls = [];
  while (calls.length < count) {
    const due = Math.min(count, Math.floor(((nowMs() - began) * rate) / 1_000));
    while (calls.length < due) calls.push(open.enqueue({ ...PAYLOAD, at: nowMs() }));
    await sleep(1);
  }
  await Promise.all(calls);
  return count;
}

/** Finds the largest rate of producer and worker together, then measures the latency at half of it. */
async function half(peer, redis, { count, seconds }) {
  return withPeer(peer, redis, async (open, where) => {
    const workers = await workersOf(peer, { open, where }, { processes: 1, concurrency: 100 });
    const send = () => open.enqueue({ ...PAYLOAD, at: nowMs() });
    await flood(Math.round(count / 10), 100, send);
    await workers.saw(Math.round(count / 10));
    const before = workers.started();
    const began = nowMs();
    await flood(count, 100, send);
    await workers.saw(before + count);
    const rate = (count * 1_000) / (workers.lastAt() - began);
    workers.takeLatencies();
    await redis.longestScript();
    const sent = await pace(open, rate / 2, seconds);
    await workers.saw(before + count + sent);
    await workers.stop();
    return { rate, ...figures(workers.takeLatencies()), script: await redis.longestScript() };
  });
}

/** A row of the table. `processes`: worker processes, where the store allows them. */
const rowOf = (load, peer, { processes = 1, rate, script, ...measured }) => ({
  load,
  peer: peer.name,
  'worker processes': worksInProcesses(peer) ? processes : 'in process',
  'tasks/s': rate === undefined ? null : Math.round(rate / 2),
  ...measured,
  'longest script ms': script?.ms ?? null,
});

/** Measures how soon a task starts, and how soon its result is back: with idle workers, and at half of the largest rate. */
export async function latency({ startRedis, scale, ...which }) {
  const redis = await startRedis();
  const samples = Math.max(10, Math.round(SAMPLES * scale));
  const long = {
    count: Math.max(1_000, FLOOD * scale),
    seconds: Math.max(1, SECONDS_AT_HALF * scale),
  };
  const rows = [];
  for (const peer of await inProcesses(which, redis)) {
    for (const processes of worksInProcesses(peer) ? IDLE_WORKERS : [1])
      rows.push(rowOf('idle', peer, { processes, ...(await idle(peer, redis, { processes, samples })) }));
    if (peer.canWait)
      rows.push(rowOf('idle, with its result', peer, await roundTrips(peer, redis, { samples })));
    rows.push(rowOf('half of the most', peer, await half(peer, redis, long)));
  }
  await redis.stop();
  return {
    tables: [{ id: 'latency', title: 'Latency: from the call to enqueue to the start of the handler', rows }],
  };
}
