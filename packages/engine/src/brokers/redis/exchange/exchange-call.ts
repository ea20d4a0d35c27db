import type { ExchangeOutcome } from '../../../broker/consume.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { exchange, type Fetched, type QueueFinishes } from '../scripts/consume/exchange.ts';
import { NO_FETCH, NO_REPLY, sendByQueue, type Send } from './exchange-by-queue.ts';
import { acceptedReply, createReportWrongType } from '../calls/refusals.ts';
import { withReceipt } from '../calls/with-receipt.ts';
import { decodeRows } from './leased-tasks.ts';
import { MAX_FETCHED, QueuesWithTasks, sendOverMany } from './without-empty.ts';

/**
 * Sends an exchange: finishes, and tasks to take, in one script call. Its receipt is among the keys of the first queue. In a
 * cluster each queue gets a call of its own.
 */
export function createSend(deps: RedisDeps): Send {
  const { client, topology, runtime } = deps;
  const sendOne: Send = (finishes, fetch, options) => {
    const firstQueue = fetch.queues[0] ?? finishes[0]?.queue;
    if (firstQueue === undefined) return Promise.resolve(NO_REPLY);
    return withReceipt(deps, { queue: firstQueue, options }, async (receipt, left) => {
      const reply = await client.run(exchange, { receipt, finishes, fetch }, left);
      return acceptedReply(reply, firstQueue, client.name);
    });
  };
  const nodeOf = (queue: string) => topology.nodeOf(pendingKey(queue));
  const sendFew: Send = client.isClustered
    ? sendByQueue({ send: sendOne, nodeOf, clock: runtime.clock })
    : sendOne;
  const sendMany = sendOverMany(sendFew, new QueuesWithTasks(client, runtime.clock));
  return (finishes, fetch, options) =>
    (fetch.queues.length <= MAX_FETCHED ? sendFew : sendMany)(finishes, fetch, options);
}

/**
 * Decodes what an exchange took into tasks for the worker. Tasks that cannot be decoded are quarantined at once. If that
 * fails, they are taken and quarantined again when their leases have ended.
 */
export function createRowDecoder({ client, runtime }: RedisDeps, send: Send) {
  const reportWrongType = createReportWrongType(runtime);

  async function quarantine(finishes: readonly QueueFinishes[]): Promise<void> {
    try {
      await send(finishes, NO_FETCH);
    } catch (error) {
      runtime.log.warn({ err: error }, 'unreadable tasks could not be quarantined; their leases will end');
    }
  }

  return async (fetched: readonly Fetched[]): Promise<Pick<ExchangeOutcome, 'tasks' | 'quarantined'>> => {
    for (const { queue, corrupt } of fetched) if (corrupt !== null) reportWrongType(queue, corrupt);
    const nowMs = client.nowMs() ?? runtime.clock.wallMs();
    const decoded = fetched.map((rows) => decodeRows(rows, nowMs));
    const withUnreadable = decoded.filter(({ unreadable }) => unreadable.length > 0);
    if (withUnreadable.length > 0) {
      await quarantine(withUnreadable.map(({ queue, unreadable: others }) => ({ queue, plain: [], others })));
    }
    return {
      tasks: decoded.flatMap(({ tasks }) => tasks),
      quarantined: decoded
        .filter(({ quarantined }) => quarantined.length > 0)
        .map(({ queue, quarantined }) => ({ queue, ids: quarantined })),
    };
  };
}
