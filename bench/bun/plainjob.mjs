import path from 'node:path';
import { Database } from 'bun:sqlite';
import { bun, defineQueue, defineWorker } from 'plainjob';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

export function open(folder) {
  const connection = bun(new Database(path.join(folder, 'plainjob.db'), { strict: true }));
  // It marks jobs as done and removes them later. The smallest setting makes that once a minute.
  const queue = defineQueue({ connection, logger: silent, removeDoneJobsOlderThan: 1 });
  return {
    enqueue: (payload) => queue.add('bench', payload),
    enqueueBulk: (payloads) => queue.addMany('bench', payloads),
    /** A worker of plainjob runs one job at a time and polls: as many workers as the concurrency. */
    work(concurrency, onTask) {
      const handle = async ({ data }) => onTask(JSON.parse(data));
      const workers = Array.from({ length: concurrency }, () =>
        defineWorker('bench', handle, { queue, logger: silent }),
      );
      const running = workers.map((worker) => worker.start());
      return async () => {
        await Promise.all(workers.map((worker) => worker.stop()));
        await Promise.all(running);
      };
    },
    close: () => queue.close(),
  };
}
