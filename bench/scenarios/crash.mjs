// Crash: lost tasks and recovery time after SIGKILL of a worker, of the only process of a SQLite file, and of a producer.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { nowMs } from '../clock.mjs';
import { fill, inFolder, PAYLOAD, withPeer } from '../measure.mjs';
import { startProgram, startWorkers } from '../processes.mjs';

const OWN = 'Task Center';
/** Tasks that the killed worker is running. */
const HELD = 100;
/** A submitter is killed after this number of acknowledgements. */
const ACKNOWLEDGED = 2_000;
/** A task that has not run again by then counts as lost. */
const LIMIT_MS = 60_000;

const rowOf = (what, peer, figures) => ({ what, peer: peer.name, ...figures });

/** Waits until a worker has started all tasks of the killed one. */
async function measureTakeover(worker, since) {
  await Promise.race([worker.saw(HELD), sleep(LIMIT_MS, undefined, { ref: false })]);
  const started = Math.min(HELD, worker.started());
  const seconds = (worker.lastAt() - since) / 1_000;
  await worker.kill();
  return { tasks: HELD, lost: HELD - started, seconds };
}

/** A worker process with `HELD` tasks is killed; another takes them over. */
function killedWorker(peer, redis) {
  return withPeer(peer, redis, async (open, where) => {
    await fill(open, HELD, { ...PAYLOAD, neverEnds: true });
    const victim = await startWorkers(peer, where);
    await victim.go(HELD);
    await victim.saw(HELD);
    const other = await startWorkers(peer, where);
    await other.go(HELD);
    const killedAt = nowMs();
    await victim.kill();
    return rowOf('SIGKILL of a worker', peer, await measureTakeover(other, killedAt));
  });
}

/** The only process of a file is killed with `HELD` tasks; its successor runs them. */
function killedAlone(peer, redis) {
  return inFolder(async (folder) => {
    const where = { redis: { url: redis.url, port: redis.port }, folder };
    const victim = await startWorkers(peer, where);
    await victim.fill(HELD, { ...PAYLOAD, neverEnds: true });
    await victim.go(HELD);
    await victim.saw(HELD);
    await victim.kill();
    const diedAt = nowMs();
    const next = await startWorkers(peer, where);
    await next.go(HELD);
    return rowOf('SIGKILL of the only process', peer, await measureTakeover(next, diedAt));
  });
}

/** A process is killed while it enqueues. Every task that it had reported as acknowledged must be there. */
function killedSubmitter(peer, redis) {
  return inFolder(async (folder) => {
    await redis.flush();
    const where = { redis: { url: redis.url, port: redis.port }, folder };
    const acknowledged = new Set();
    const child = startProgram('submitter', [peer, where], (message) => {
      acknowledged.add(message.acknowledged);
      if (acknowledged.size === ACKNOWLEDGED) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const open = await peer.open(where);
    const missing = new Set(acknowledged);
    const began = nowMs();
    let found;
    const allFound = new Promise((resolve) => (found = resolve));
    const stop = await open.work(100, ({ n }) => {
      missing.delete(n);
      if (missing.size === 0) found();
    });
    const limit = setTimeout(() => found(), LIMIT_MS);
    await allFound;
    clearTimeout(limit);
    const seconds = (nowMs() - began) / 1_000;
    await stop();
    await open.close();
    return rowOf('SIGKILL while enqueueing', peer, {
      tasks: acknowledged.size,
      lost: missing.size,
      seconds,
    });
  });
}

/** Measures lost tasks and the time to recover when a process of Task Center is killed. */
export async function crash({ startRedis, peers }) {
  const redis = await startRedis();
  const rows = [];
  for (const peer of peers.filter(({ name, ceiling }) => name.startsWith(OWN) && !ceiling)) {
    rows.push(await (peer.store === 'file' ? killedAlone : killedWorker)(peer, redis));
    rows.push(await killedSubmitter(peer, redis));
  }
  await redis.stop();
  return {
    tables: [{ id: 'crash', title: 'Crashes: tasks lost, and seconds until all were taken up again', rows }],
  };
}
