import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript, type RedisArg } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, textOrNull, type Refusal } from '../reply.ts';

/** Successes without retention or lock, of one token: the tasks vanish. */
export interface PlainFinishes {
  readonly token: number;
  readonly ids: readonly string[];
}

/** Any other end of an attempt. */
export interface OtherFinish {
  readonly id: string;
  readonly token: number;
  /** See the prelude `finish-queue`. */
  readonly verb: 'd' | 'k' | 'K' | 'r' | 'f' | 'a' | 'u' | 'q';
  /** The attempt as a line of the task's history. */
  readonly line: string;
  /** The message anew, or what is appended to the stored one. */
  readonly message: { readonly whole: boolean; readonly bytes: RedisArg };
  /** Retention in s, or delay in ms. */
  readonly number: number;
  /** Unique lock; '' = none. */
  readonly text: string;
  readonly result: RedisArg;
}

export interface QueueFinishes {
  readonly queue: string;
  readonly plain: readonly PlainFinishes[];
  readonly others: readonly OtherFinish[];
}

export interface ExchangeCall {
  readonly receipt: Receipt;
  readonly finishes: readonly QueueFinishes[];
  readonly queues: readonly string[];
  readonly shares?: readonly number[];
  readonly room: number;
  readonly leaseMs: number;
  readonly worker: string;
}

/** A task as the script gives it. */
export interface TakenRow {
  readonly id: string;
  readonly message: Buffer;
  readonly meta: string | null;
  /** `tc:a` with this attempt in it; null = the first attempt. */
  readonly state: string | null;
  readonly pendingSince: string | null;
}

export interface Fetched {
  readonly queue: string;
  readonly token: number;
  readonly rows: readonly TakenRow[];
  /** IDs without a task behind them. */
  readonly dropped: readonly string[];
  /** A key of a wrong type: nothing was taken here. */
  readonly corrupt: string | null;
}

export interface ExchangeReply {
  /** A character per finish, the plain ones of a queue first: `1` accepted, `0` lease lost, `x` keys unusable. */
  readonly codes: string;
  readonly fetched: readonly Fetched[];
}

/** Values of a row in the flat list that scripts give, see the prelude `leases`. */
const ROW = 5;

type RawFetched = readonly [
  place: number,
  token: number,
  rows: readonly unknown[],
  dropped: readonly unknown[],
  corrupt: unknown,
];

/** The rows in the flat list. */
export function takenRows(values: readonly unknown[]): TakenRow[] {
  const rows: TakenRow[] = [];
  for (let i = 0; i < values.length; i += ROW) {
    rows.push({
      id: textOf(values[i]),
      message: values[i + 1] as Buffer,
      meta: textOrNull(values[i + 2]),
      state: textOrNull(values[i + 3]),
      pendingSince: textOrNull(values[i + 4]),
    });
  }
  return rows;
}

function fetchedOf([place, token, rows, dropped, corrupt]: RawFetched, call: ExchangeCall): Fetched {
  return {
    queue: call.queues[place] ?? '',
    token,
    rows: takenRows(rows),
    dropped: dropped.map(textOf),
    corrupt: textOf(corrupt) || null,
  };
}

export const exchange = defineScript({
  name: 'exchange',
  lua: lua.exchange,
  keys: ({ receipt, finishes, queues }: ExchangeCall) => [
    receipt.key,
    ...finishes.map(({ queue }) => pendingKey(queue)),
    ...queues.map(pendingKey),
  ],
  args: ({ receipt, finishes, queues, room, leaseMs, worker, shares = [] }) => {
    const fetch = [room, leaseMs, worker, shares.join(','), queues.length];
    const args: (RedisArg | number)[] = [...receiptArgs(receipt), finishes.length, ...fetch];
    for (const { plain, others } of finishes) {
      const count = plain.reduce((sum, { ids }) => sum + ids.length, 0);
      args.push(count, others.length, plain.length);
      for (const { token, ids } of plain) args.push(token, ids.length);
      for (const { ids } of plain) args.push(...ids);
      for (const { id, token, verb, line, message, number, text, result } of others) {
        args.push(id, token, verb, line, message.whole ? 1 : 0, message.bytes, number, text, result);
      }
    }
    return args;
  },
  reply: (raw, call): ExchangeReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [codes, ...fetched] = raw as readonly [unknown, ...RawFetched[]];
    return { codes: textOf(codes), fetched: fetched.map((one) => fetchedOf(one, call)) };
  },
});
