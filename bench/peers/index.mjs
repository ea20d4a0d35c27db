import { asynq } from './asynq.mjs';
import { beeQueue } from './bee-queue.mjs';
import { bullmq } from './bullmq.mjs';
import { bunqueue, bunqueueDurable, plainjob } from './bun.mjs';
import { ceilingFrozen, ceilingList, ceilingOurs } from './ceilings.mjs';
import { graphileWorker } from './graphile-worker.mjs';
import { taskCenterRedis, taskCenterSqlite } from './task-center.mjs';

/**
 * Whom the scenarios compare. A peer that cannot run here says why by `needs` and is left out, by name, with the reason.
 *
 * @typedef {object} Where Plain data, so that it can be handed to a process of its own.
 * @property {{ url: string, port: number }} redis a Redis just emptied
 * @property {string} folder for files; empty, of one round
 *
 * @typedef {object} Open
 * @property {(payload: object) => Promise<unknown>} [enqueue] one task; resolves once it is acknowledged
 * @property {(payloads: object[]) => Promise<unknown>} [enqueueBulk] missing: the peer has no such call
 * @property {(concurrency: number, onTask: (payload: object) => unknown) => Promise<() => Promise<void>>} [work]
 *   runs tasks until what it resolves to is called; a task lasts until the promise that `onTask` gives is done
 * @property {(job: Job) => Promise<Measured | null>} [measure] instead of the three above, for a peer that is a program of
 *   its own and counts inside; null: it has no such job
 * @property {() => Promise<unknown>} close
 *
 * @typedef {{ kind: 'enqueue' | 'bulk' | 'process' | 'both', count: number, concurrency: number, payload: object }} Job
 *   `concurrency`: calls in flight, tasks in a bulk call, or handlers at once
 * @typedef {{ seconds: number, cpuSeconds: number }} Measured
 *
 * @typedef {object} Peer
 * @property {string} name as it stands in tables
 * @property {string} [module] `import.meta.url` of where it is exported; worker processes load only this
 * @property {string} setup how it is configured and why that is fair; one line for docs/performance.md
 * @property {'redis' | 'file' | 'postgres'} store `file`: one process only
 * @property {boolean} [ceiling] no queue anyone can use, but the most that one could reach
 * @property {string} [only] the one scenario that it takes part in
 * @property {(() => string | null) | (() => Promise<string | null>)} [needs] what is missing here, if anything
 * @property {(where: Where) => Promise<Open>} open
 */

/** @type {Peer[]} */
export const peers = [
  taskCenterRedis,
  bullmq,
  beeQueue,
  asynq,
  ceilingOurs,
  ceilingFrozen,
  ceilingList,
  taskCenterSqlite,
  plainjob,
  bunqueue,
  bunqueueDurable,
  graphileWorker,
];
