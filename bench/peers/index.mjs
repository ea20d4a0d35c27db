import { asynq } from './asynq.mjs';
import { beeQueue } from './bee-queue.mjs';
import { bullmq } from './bullmq.mjs';
import { bunqueue, bunqueueDurable, plainjob } from './bun.mjs';
import { ceilingFrozen, ceilingList, ceilingOurs } from './ceilings.mjs';
import { graphileWorker } from './graphile-worker.mjs';
import { taskCenterRedis, taskCenterSqlite } from './task-center.mjs';

/**
 * The peers that the scenarios compare. A peer that cannot run on this machine returns the reason from `needs`; it is left out,
 * and the reason is printed.
 *
 * @typedef {object} Where Plain data that can be passed to another process.
 * @property {{ url: string, port: number }} redis an empty Redis
 * @property {string} folder an empty folder for the files of one round
 *
 * @typedef {object} Open
 * @property {(payload: object) => Promise<unknown>} [enqueue] one task; resolves once it is acknowledged
 * @property {(payloads: object[]) => Promise<unknown>} [enqueueBulk] missing: the peer has no bulk call
 * @property {(payload: object) => Promise<unknown>} [enqueueAndWait] resolves with the result of the task; only where the peer `canWait`
 * @property {(concurrency: number, onTask: (payload: object) => unknown) => Promise<() => Promise<void>>} [work]
 *   starts a worker and resolves to a function that stops it; a task ends when the promise of `onTask` resolves
 * @property {(job: Job) => Promise<Measured | null>} [measure] instead of the three above, for a peer in a program of its own
 *   that measures itself; null: it cannot do this job
 * @property {() => Promise<unknown>} close
 *
 * @typedef {{ kind: 'enqueue' | 'bulk' | 'process' | 'both', count: number, concurrency: number, payload: object }} Job
 *   `concurrency`: calls in flight, tasks in a bulk call, or handlers at once
 * @typedef {{ seconds: number, cpuSeconds: number }} Measured
 *
 * @typedef {object} Peer
 * @property {string} name as shown in tables
 * @property {string} [module] `import.meta.url` of the module that exports it; worker processes load only this module
 * @property {string} setup how it is configured and why that is fair; one line for docs/performance.md
 * @property {'redis' | 'file' | 'postgres'} store `file`: only one process can use it
 * @property {boolean} [canWait] callers can wait for results
 * @property {boolean} [ceiling] not a usable queue, but an upper limit for one
 * @property {string} [only] the only scenario in which it takes part
 * @property {(() => string | null) | (() => Promise<string | null>)} [needs] what is missing on this machine, or null
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
