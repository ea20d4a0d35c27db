// Resident memory of an idle process of one checkout. The process is started by that checkout's own benchmark code.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inFolder } from './measure.mjs';
import { startRedis } from './redis.mjs';

const REST_MS = 5_000;

/** Start an idle process; each resolves to its `pid` and a function to stop it. */
const STARTERS = {
  async worker({ load, where }) {
    const [{ startWorkers }, { taskCenterRedis }] = [
      await load('processes.mjs'),
      await load('peers/task-center.mjs'),
    ];
    const workers = await startWorkers(taskCenterRedis, where);
    await workers.go(10);
    return { pid: workers.pids[0], stop: () => workers.kill() };
  },
  async service({ load, where }) {
    const { serve } = await load('service.mjs');
    const service = await serve(where.redis.url, where.folder);
    return { pid: service.pid, stop: () => service.stop('SIGKILL') };
  },
};

/** Memory of an idle `worker` or `service` on Redis 5 s after its start, MB. */
export async function idleMemory(what, checkout) {
  const load = (file) => import(pathToFileURL(path.join(checkout, 'bench', file)).href);
  const { restingMemory } = await load('processes.mjs');
  const redis = await startRedis();
  try {
    return await inFolder(async (folder) => {
      const where = { redis: { url: redis.url, port: redis.port }, folder };
      const { pid, stop } = await STARTERS[what]({ load, where });
      const { mb } = await restingMemory(pid, REST_MS);
      await stop();
      return mb;
    });
  } finally {
    await redis.stop();
  }
}
