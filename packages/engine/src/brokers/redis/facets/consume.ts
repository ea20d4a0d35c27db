// The consume facet on Redis. Lease tokens fence attempts: a finish, a renewal or a result whose token is not the stored one
// changes nothing.
import { MAX_BATCH } from '../../../broker/bounds.ts';
import type { Consume, FetchOptions, FinishOutcome } from '../../../broker/consume.ts';
import type { RedisDeps } from '../deps.ts';
import { CODE } from '../scripts/lua.generated.ts';
import { createExtend, createKeepResults } from '../leases/extend.ts';
import { createKeepNotes } from './notes.ts';
import { callChunks } from '../calls/batches.ts';
import { createReportWrongType } from '../calls/refusals.ts';
import { planFinishes, weightOf } from '../exchange/plan-finishes.ts';
import { NO_FETCH, NO_REPLY } from '../exchange/exchange-by-queue.ts';
import { markAlone } from '../scripts/consume/table.ts';
import { createSend, createRowDecoder } from '../exchange/exchange-call.ts';

/** Asks for no more tasks than a call may take. */
const withinBatch = (fetch: FetchOptions): FetchOptions =>
  fetch.room > MAX_BATCH ? { ...fetch, room: MAX_BATCH } : fetch;

/** Taking and finishing tasks. Finishes beyond one call go out in several; only the last call also takes tasks. */
export function createConsume(deps: RedisDeps): Consume {
  const reportWrongType = createReportWrongType(deps.runtime);
  const send = createSend(deps);
  const decodeRows = createRowDecoder(deps, send);

  return {
    extend: createExtend(deps.client),
    // It needs no receipt: writing it twice changes nothing.
    markAlone: ({ queue, id, token }, isAlone) => deps.client.run(markAlone, { queue, id, token, isAlone }),
    keepResults: createKeepResults(deps),
    keepNotes: createKeepNotes(deps),
    /** The last call finishes and takes in one round trip. A finish that no reply accepts counts as a lost lease. */
    async exchange(whole, options) {
      const { finishes } = whole;
      const finished = finishes.map((): FinishOutcome => 'lease-lost');
      const fetch = whole.room > 0 ? withinBatch(whole) : NO_FETCH;
      // Without finishes there is one empty chunk: its call only takes tasks.
      const chunks = callChunks(finishes, weightOf);
      // Index of the chunk's first finish among all.
      let first = 0;
      let reply = NO_REPLY;
      for (const [n, chunk] of chunks.entries()) {
        const plan = planFinishes(chunk, first);
        first += chunk.length;
        reply = await send(plan.finishes, n === chunks.length - 1 ? fetch : NO_FETCH, options);
        // Codes are in the order of the plan, outcomes in that of the caller.
        for (const [i, index] of plan.indexes.entries()) {
          const code = reply.codes[i];
          if (code === CODE.done) finished[index] = 'accepted';
          else if (code === CODE.cancelled) finished[index] = 'cancelled';
          else if (code === CODE.wrongType)
            reportWrongType(finishes[index]?.task.queue ?? '', 'one of its sets');
        }
      }
      const hasLeft = reply.fetched.some(({ left }) => left > 0);
      return { finished, ...(await decodeRows(reply.fetched)), hasLeft };
    },
  };
}
