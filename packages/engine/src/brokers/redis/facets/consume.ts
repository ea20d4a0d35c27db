import type { CallOptions } from '../../../broker/call-options.ts';
import type { Consume, Finish, FinishOutcome, Turn, TurnOutcome } from '../../../broker/consume.ts';
import type { RedisParts } from '../parts.ts';
import { turn, type Fetched, type QueueFinishes, type TurnReply } from '../scripts/turn.ts';
import { createExtend, createKeepResults } from './extend.ts';
import { accepted, createComplain, withReceipt } from './outcomes.ts';
import { MOST_BYTES, MOST_ITEMS } from './queue-batches.ts';
import { planFinishes, weightOf } from './turn-finishes.ts';
import { sortOut } from './turn-tasks.ts';

/** A call's share of the finishes, from a place on. */
interface Share {
  readonly finishes: readonly Finish[];
  readonly first: number;
}

function sharesOf(finishes: readonly Finish[]): Share[] {
  const shares: Share[] = [];
  let first = 0;
  let bytes = 0;
  finishes.forEach((finish, i) => {
    const weight = weightOf(finish);
    if (i > first && (i - first === MOST_ITEMS || bytes + weight > MOST_BYTES)) {
      shares.push({ finishes: finishes.slice(first, i), first });
      first = i;
      bytes = 0;
    }
    bytes += weight;
  });
  return [...shares, { finishes: finishes.slice(first), first }];
}

type Fetch = Pick<Turn, 'queues' | 'shares' | 'room' | 'leaseMs' | 'worker'>;
type Send = (finishes: readonly QueueFinishes[], fetch: Fetch, options?: CallOptions) => Promise<TurnReply>;

const NO_FETCH: Fetch = { queues: [], room: 0, leaseMs: 1, worker: '' };
const NOTHING: TurnReply = { codes: '', fetched: [] };

/** One script call; its receipt lies in the slot of its first queue (design D2). */
function createSend(parts: RedisParts): Send {
  const { connection } = parts;
  return (finishes, fetch, options) => {
    const home = fetch.queues[0] ?? finishes[0]?.queue;
    if (home === undefined) return Promise.resolve(NOTHING);
    return withReceipt(parts, { queue: home, options }, async (receipt, left) => {
      const reply = await connection.run(turn, { ...fetch, receipt, finishes }, left);
      return accepted(reply, home, connection.name);
    });
  };
}

/** Tasks for the worker; what nobody can read is ended at once. Should that fail, it is met again when its lease is over. */
function createSorter({ connection, runtime }: RedisParts, send: Send) {
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

export function createConsume(parts: RedisParts): Consume {
  const complain = createComplain(parts.runtime);
  const send = createSend(parts);
  const sorter = createSorter(parts, send);

  return {
    extend: createExtend(parts),
    keepResults: createKeepResults(parts),
    async turn({ finishes, ...asked }, options) {
      const finished = finishes.map((): FinishOutcome => 'lease-lost');
      const room = Math.min(asked.room, MOST_ITEMS);
      const fetch = room > 0 ? { ...asked, room } : NO_FETCH;
      const shares = sharesOf(finishes);
      let reply = NOTHING;
      for (const [i, share] of shares.entries()) {
        const plan = planFinishes(share.finishes, share.first);
        reply = await send(plan.finishes, i === shares.length - 1 ? fetch : NO_FETCH, options);
        for (const [at, place] of plan.places.entries()) {
          if (reply.codes[at] === '1') finished[place] = 'accepted';
          else if (reply.codes[at] === 'x') complain(finishes[place]?.task.queue ?? '', 'one of its sets');
        }
      }
      return { finished, ...(await sorter(reply.fetched)) };
    },
  };
}
