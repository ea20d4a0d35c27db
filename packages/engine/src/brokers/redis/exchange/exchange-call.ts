import type { ExchangeOutcome } from '../../../broker/consume.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import type { RedisDeps } from '../deps.ts';
import { exchange, type Fetched, type QueueFinishes } from '../scripts/consume/exchange.ts';
import { NO_FETCH, NO_REPLY, sendByQueue, type Send } from './exchange-by-queue.ts';
import { acceptedReply, createReportWrongType, withReceipt } from '../calls/refusals.ts';
import { sortRows } from './leased-tasks.ts';

/** One script call; its receipt lies in the slot of its first queue (design D2). In a cluster one per queue. */
export function createSend(deps: RedisDeps): Send {
  const { client, topology } = deps;
  const one: Send = (finishes, fetch, options) => {
    const home = fetch.queues[0] ?? finishes[0]?.queue;
    if (home === undefined) return Promise.resolve(NO_REPLY);
    return withReceipt(deps, { queue: home, options }, async (receipt, left) => {
      const reply = await client.run(exchange, { ...fetch, receipt, finishes }, left);
      return acceptedReply(reply, home, client.name);
    });
  };
  return client.clustered ? sendByQueue(one, (queue) => topology.nodeOf(pendingKey(queue))) : one;
}

/** Tasks for the worker; what nobody can read is ended at once. Should that fail, it is met again when its lease is over. */
export function createSorter({ client, runtime }: RedisDeps, send: Send) {
  const complain = createReportWrongType(runtime);

  async function setAside(finishes: readonly QueueFinishes[]): Promise<void> {
    try {
      await send(finishes, NO_FETCH);
    } catch (error) {
      runtime.log.warn({ err: error }, 'tasks that cannot be read could not be set aside');
    }
  }

  return async (fetched: readonly Fetched[]): Promise<Pick<ExchangeOutcome, 'tasks' | 'quarantined'>> => {
    for (const { queue, corrupt } of fetched) if (corrupt !== null) complain(queue, corrupt);
    const nowMs = client.nowMs() ?? runtime.clock.wallMs();
    const sorted = fetched.map((one) => sortRows(one, nowMs));
    const unreadable = sorted.filter((one) => one.unreadable.length > 0);
    if (unreadable.length > 0) {
      await setAside(unreadable.map(({ queue, unreadable: others }) => ({ queue, plain: [], others })));
    }
    return {
      tasks: sorted.flatMap(({ tasks }) => tasks),
      quarantined: sorted
        .filter(({ quarantined }) => quarantined.length > 0)
        .map(({ queue, quarantined }) => ({ queue, ids: quarantined })),
    };
  };
}
