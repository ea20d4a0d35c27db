import BeeQueue from 'bee-queue';

/** What its README advises ("Optimizing Redis Connections" and the notes on settings): unused features are disabled. */
const LEAN = { getEvents: false, sendEvents: false, storeJobs: false, removeOnSuccess: true };

/** bee-queue with the settings that its README advises for throughput. */
export const beeQueue = {
  name: 'bee-queue',
  module: import.meta.url,
  setup:
    '`removeOnSuccess`, four attempts with exponential backoff (so the worker activates delayed jobs), events and the table of jobs disabled as its README advises, `saveAll` for bulk.',
  store: 'redis',
  async open({ redis }) {
    const shared = { ...LEAN, redis: { host: '127.0.0.1', port: redis.port } };
    const queue = new BeeQueue('bench', { ...shared, isWorker: false });
    await queue.ready();
    const job = (payload) => queue.createJob(payload).retries(3).backoff('exponential', 1_000);
    return {
      enqueue: (payload) => job(payload).save(),
      enqueueBulk: (payloads) => queue.saveAll(payloads.map(job)),
      async work(concurrency, onTask) {
        const worker = new BeeQueue('bench', { ...shared, activateDelayedJobs: true });
        worker.process(concurrency, async ({ data }) => onTask(data));
        await worker.ready();
        return () => worker.close();
      },
      close: () => queue.close(),
    };
  },
};
