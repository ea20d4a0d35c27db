import { pendingKey } from '../../../protocol/keys.ts';
import type { Receipt } from '../receipts.ts';
import { defineScript, type RedisArg } from '../script.ts';
import { lua } from './lua.generated.ts';
import { receiptArgs, refusalIn, textOf, textOrNull, type Refusal } from './reply.ts';

/** A success without retention or lock: the task vanishes. */
export interface PlainFinish {
  readonly id: string;
  readonly token: number;
}

/** Any other end of an attempt. */
export interface OtherFinish extends PlainFinish {
  /** See the prelude `finish`. */
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
  readonly plain: readonly PlainFinish[];
  readonly others: readonly OtherFinish[];
}

export interface TurnCall {
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

export interface TurnReply {
  /** A character per finish, the plain ones of a queue first: `1` accepted, `0` lease lost, `x` keys unusable. */
  readonly codes: string;
  readonly fetched: readonly Fetched[];
}

export type RawRow = readonly [
  message: Buffer,
  state: null,
  meta: unknown,
  attempts: unknown,
  since: unknown,
];
type RawFetched = readonly [
  place: number,
  token: number,
  ids: readonly unknown[],
  rows: readonly RawRow[],
  dropped: readonly unknown[],
  corrupt: unknown,
];

/** A row of the reply. */
export function rowOf(id: unknown, [message, , meta, attempts, since]: RawRow): TakenRow {
  return {
    id: textOf(id),
    message,
    meta: textOrNull(meta),
    state: textOrNull(attempts),
    pendingSince: textOrNull(since),
  };
}

function fetchedOf([place, token, ids, rows, dropped, corrupt]: RawFetched, call: TurnCall): Fetched {
  return {
    queue: call.queues[place] ?? '',
    token,
    rows: rows.map((row, i) => rowOf(ids[i], row)),
    dropped: dropped.map(textOf),
    corrupt: textOf(corrupt) || null,
  };
}

export const turn = defineScript({
  name: 'turn',
  lua: lua.turn,
  keys: ({ receipt, finishes, queues }: TurnCall) => [
    receipt.key,
    ...finishes.map(({ queue }) => pendingKey(queue)),
    ...queues.map(pendingKey),
  ],
  args: ({ receipt, finishes, queues, room, leaseMs, worker, shares = [] }) => {
    const fetch = [room, leaseMs, worker, shares.join(','), queues.length];
    const args: (RedisArg | number)[] = [...receiptArgs(receipt), finishes.length, ...fetch];
    for (const { plain, others } of finishes) {
      args.push(plain.length, others.length);
      for (const { id, token } of plain) args.push(id, token);
      for (const { id, token, verb, line, message, number, text, result } of others) {
        args.push(id, token, verb, line, message.whole ? 1 : 0, message.bytes, number, text, result);
      }
    }
    return args;
  },
  reply: (raw, call): TurnReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [codes, ...fetched] = raw as readonly [unknown, ...RawFetched[]];
    return { codes: textOf(codes), fetched: fetched.map((one) => fetchedOf(one, call)) };
  },
});
