import type { TurnOutcome } from '../../../broker/consume.ts';
import { pendingKey } from '../../../protocol/keys.ts';
import type { RedisParts } from '../parts.ts';
import { turn, type Fetched, type QueueFinishes } from '../scripts/consume/turn.ts';
import { NO_FETCH, NO_REPLY, sendByQueue, type Send } from './exchange-by-queue.ts';
import { accepted, createComplain, withReceipt } from '../calls/refusals.ts';
import { sortOut } from './leased-tasks.ts';

/** One script call; its receipt lies in the slot of its first queue (design D2). In a cluster one per queue. */
export function createSend(parts: RedisParts): Send {
  const { connection, topology } = parts;
  const one: Send = (finishes, fetch, options) => {
    const home = fetch.queues[0] ?? finishes[0]?.queue;
    if (home === undefined) return Promise.resolve(NO_REPLY);
    return withReceipt(parts, { queue: home, options }, async (receipt, left) => {
      const reply = await connection.run(turn, { ...fetch, receipt, finishes }, left);
      return accepted(reply, home, connection.name);
    });
  };
  return connection.clustered ? sendByQueue(one, (queue) => topology.placeOf(pendingKey(queue))) : one;
}

/** Tasks for the worker; what nobody can read is ended at once. Should that fail, it is met again when its lease is over. */
export function createSorter({ connection, runtime }: RedisParts, send: Send) {
  const complain = createComplain(runtime);

  async function setAside(finishes: readonly QueueFinishes[]): Promise<void> {
    try {
      await send(finishes, NO_FETCH);
    } catch (error) {
      runtime.log.warn({ err: error }, 'tasks that cannot be read could not be set aside');
    }
  }

  return async (fetched: readonly Fetched[]): Promise<Pick<TurnOutcome, 'tasks' | 'quarantined'>> => {
    for (const { queue, corrupt } of fetched) if (corrupt !== null) complain(queue, corrupt);
    const nowMs = connection.nowMs() ?? runtime.clock.wallMs();
    const sorted = fetched.map((one) => sortOut(one, nowMs));
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
