import { Queue, Worker } from 'bullmq';

/**
 * BullMQ at its documented best for this use: finished jobs removed (as our retention 0), three retries with
 * exponential backoff configured, events not written to the stream by nobody listening (its `maxLen` at the default).
 */
export const bullmq = (name, redis) => ({
  name,
  async open() {
    const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
    const queue = new Queue('bench', { connection });
    const options = { removeOnComplete: true, attempts: 4, backoff: { type: 'exponential', delay: 1_000 } };
    await queue.waitUntilReady();
    return {
      enqueue: (payload) => queue.add('bench', payload, options),
      enqueueBulk: (payloads) =>
        queue.addBulk(payloads.map((data) => ({ name: 'bench', data, opts: options }))),
      async work(concurrency, onDone) {
        const worker = new Worker('bench', async (job) => onDone(job.data), { connection, concurrency });
        await worker.waitUntilReady();
        return () => worker.close();
      },
      close: () => queue.close(),
    };
  },
});
