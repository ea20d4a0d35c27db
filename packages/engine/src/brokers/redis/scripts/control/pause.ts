import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, type Refusal } from '../reply.ts';

export interface PauseCall {
  readonly queue: string;
  readonly receipt: Receipt;
  readonly paused: boolean;
  readonly reason: string | null;
}

/** Pauses or resumes a queue. Replies with whether that changed anything. */
export const pause = defineScript({
  name: 'pause',
  lua: lua.pause,
  keys: ({ queue, receipt }: PauseCall) => [receipt.key, pendingKey(queue)],
  args: ({ receipt, paused, reason }) => [
    ...receiptArgs(receipt),
    paused ? 1 : 0,
    reason === null ? 0 : 1,
    reason ?? '',
  ],
  reply: (raw): boolean | Refusal => refusalIn(raw) ?? textOf(raw) === '1',
});
