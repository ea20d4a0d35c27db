import { Logger, makeWorkerUtils, run, WorkerPreset } from 'graphile-worker';
import { postgresNeeds, startPostgres } from '../postgres.mjs';
import { once } from './install.mjs';

const logger = new Logger(() => () => {});
/** The configuration of its performance page for "jobs executed per second", except for the concurrency. */
const BATCHING = { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
const MAX_CONNECTIONS = 25;
const SPEC = { maxAttempts: 4 };
/** One PostgreSQL cluster for all rounds, as creating one takes seconds. */
const cluster = once(startPostgres);

/** The local queue must be larger than the concurrency, or it starves the handlers. */
const presetFor = (concurrency, connectionString) => ({
  extends: [WorkerPreset],
  worker: {
    ...BATCHING,
    localQueue: { size: Math.max(BATCHING.localQueue.size, concurrency + 1) },
    connectionString,
    logger,
    concurrentJobs: concurrency,
    maxPoolSize: Math.min(MAX_CONNECTIONS, concurrency + 1),
  },
});

/** graphile-worker with batching, on PostgreSQL. */
export const graphileWorker = {
  name: 'graphile-worker',
  module: import.meta.url,
  setup:
    'on PostgreSQL as `initdb` configures it (fsync on); its performance page’s own settings: `localQueue` of 500 and batched completions, 25 connections; `addJobs` for bulk; four attempts; it keeps nothing after success. 0.17, as 0.18 needs Node 22.18.',
  store: 'postgres',
  needs: postgresNeeds,
  async open() {
    const { url } = await cluster();
    const utils = await makeWorkerUtils({ connectionString: url, logger, maxPoolSize: MAX_CONNECTIONS });
    await utils.migrate();
    await utils.withPgClient((client) => client.query('truncate graphile_worker._private_jobs'));
    return {
      enqueue: (payload) => utils.addJob('bench', payload, SPEC),
      enqueueBulk: (payloads) =>
        utils.addJobs(payloads.map((payload) => ({ identifier: 'bench', payload, ...SPEC }))),
      async work(concurrency, onTask) {
        const taskList = { bench: async (payload) => void (await onTask(payload)) };
        const runner = await run({
          preset: presetFor(concurrency, url),
          taskList,
          crontab: '',
          noHandleSignals: true,
        });
        return () => runner.stop();
      },
      close: () => utils.release(),
    };
  },
};
