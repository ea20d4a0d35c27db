import path from 'node:path';
import { Queue, shutdownManager, Worker } from 'bunqueue/client';

const BATCH = 100;

/** @param variant `durable`: a task is written to the database before it is acknowledged */
export function open(folder, variant) {
  const where = { embedded: true, dataPath: path.join(folder, 'bunqueue.db') };
  const queue = new Queue('bench', where);
  const options = {
    attempts: 4,
    backoff: { type: 'exponential', delay: 1_000 },
    removeOnComplete: true,
    ...(variant === 'durable' && { durable: true }),
  };
  return {
    enqueue: (payload) => queue.add('bench', payload, options),
    enqueueBulk: (payloads) =>
      queue.addBulk(payloads.map((data) => ({ name: 'bench', data, opts: options }))),
    work(concurrency, onTask) {
      const handle = async ({ data }) => onTask(data);
      const worker = new Worker('bench', handle, {
        ...where,
        concurrency,
        batchSize: Math.min(BATCH, concurrency),
        removeOnComplete: true,
      });
      return () => worker.close();
    },
    close() {
      queue.close();
      shutdownManager();
    },
  };
}
