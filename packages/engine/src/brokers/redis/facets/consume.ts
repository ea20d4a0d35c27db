import type { Consume, Finish, FinishOutcome } from '../../../broker/consume.ts';
import type { RedisDeps } from '../deps.ts';
import { createExtend, createKeepResults } from '../leases/extend.ts';
import { createReportWrongType } from '../calls/refusals.ts';
import { MAX_BATCH_BYTES, MAX_BATCH } from '../calls/batch-by-queue.ts';
import { planFinishes, weightOf } from '../exchange/plan-finishes.ts';
import { NO_FETCH, NO_REPLY } from '../exchange/exchange-by-queue.ts';
import { createSend, createSorter } from '../exchange/exchange-call.ts';

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
    if (i > first && (i - first === MAX_BATCH || bytes + weight > MAX_BATCH_BYTES)) {
      shares.push({ finishes: finishes.slice(first, i), first });
      first = i;
      bytes = 0;
    }
    bytes += weight;
  });
  return [...shares, { finishes: finishes.slice(first), first }];
}

export function createConsume(deps: RedisDeps): Consume {
  const complain = createReportWrongType(deps.runtime);
  const send = createSend(deps);
  const sorter = createSorter(deps, send);

  return {
    extend: createExtend(deps.client),
    keepResults: createKeepResults(deps),
    async exchange({ finishes, ...asked }, options) {
      const finished = finishes.map((): FinishOutcome => 'lease-lost');
      const room = Math.min(asked.room, MAX_BATCH);
      const fetch = room > 0 ? { ...asked, room } : NO_FETCH;
      const shares = sharesOf(finishes);
      let reply = NO_REPLY;
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
