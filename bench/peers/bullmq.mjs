import { Queue, Worker } from 'bullmq';

/**
 * BullMQ with its documented best settings for this use: finished jobs are removed (like our retention `none`), three retries
 * with exponential backoff, events at their default.
 */
export const bullmq = {
  name: 'BullMQ',
  module: import.meta.url,
  setup:
    '`removeOnComplete`, four attempts with exponential backoff, `addBulk` for bulk, all else at its default.',
  store: 'redis',
  async open({ redis }) {
    const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
    const queue = new Queue('bench', { connection });
    const options = { removeOnComplete: true, attempts: 4, backoff: { type: 'exponential', delay: 1_000 } };
    await queue.waitUntilReady();
    return {
      enqueue: (payload) => queue.add('bench', payload, options),
      enqueueBulk: (payloads) =>
        queue.addBulk(payloads.map((data) => ({ name: 'bench', data, opts: options }))),
      async work(concurrency, onTask) {
        const worker = new Worker('bench', async (job) => onTask(job.data), { connection, concurrency });
        await worker.waitUntilReady();
        return () => worker.close();
      },
      close: () => queue.close(),
    };
  },
};
