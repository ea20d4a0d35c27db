import { pendingKey } from '../../../../protocol/keys.ts';
import type { Receipt } from '../../calls/receipts.ts';
import { defineScript, type RedisArg } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { receiptArgs, refusalIn, textOf, textOrNull, type Refusal } from '../reply.ts';

/** Successes of one lease token without retention or unique lock: the tasks are deleted. */
export interface PlainFinishes {
  readonly token: number;
  readonly ids: readonly string[];
}

/** Any other end of an attempt. */
export interface OtherFinish {
  readonly id: string;
  readonly token: number;
  /** How the attempt ended; the prelude `finish-queue` describes the codes. */
  readonly end: 'd' | 'k' | 'K' | 'r' | 'f' | 'a' | 'u' | 'q';
  /** The attempt's line for the task's history. */
  readonly line: string;
  /** The `whole` new message, or fields to append to the stored one. */
  readonly message: { readonly whole: boolean; readonly bytes: RedisArg };
  /** Retention in s, or delay in ms. */
  readonly retentionOrDelay: number;
  /** Key of the unique lock to release; '' = none. */
  readonly lock: string;
  readonly result: RedisArg;
}

export interface QueueFinishes {
  readonly queue: string;
  readonly plain: readonly PlainFinishes[];
  readonly others: readonly OtherFinish[];
}

/** Finishes, and queues to take tasks from: all on one node. */
export interface ExchangeCall {
  readonly receipt: Receipt;
  readonly finishes: readonly QueueFinishes[];
  readonly queues: readonly string[];
  /** How many tasks each of the first queues may give before the rest of the room is filled in order. */
  readonly shares?: readonly number[];
  /** How many tasks to take. */
  readonly room: number;
  readonly leaseMs: number;
  readonly worker: string;
}

/** A leased task as the script returns it. */
export interface TakenRow {
  readonly id: string;
  readonly message: Buffer;
  readonly meta: string | null;
  /** `tc:a`, with this attempt; null = the first attempt. */
  readonly state: string | null;
  readonly pendingSince: string | null;
}

/** What was taken from one queue. */
export interface Fetched {
  readonly queue: string;
  readonly token: number;
  readonly rows: readonly TakenRow[];
  /** IDs without a task. */
  readonly dropped: readonly string[];
  /** A key of a wrong type, which stops this queue; null = none. */
  readonly corrupt: string | null;
}

export interface ExchangeReply {
  /** A code per finish, by queue, the plain ones of a queue first: `1` accepted, `0` lease lost, `x` a wrong type. */
  readonly codes: string;
  readonly fetched: readonly Fetched[];
}

/** Values per row in the flat list that scripts return, see `add_task_row` in the prelude `leases`. */
const VALUES_PER_ROW = 5;

type RawFetched = readonly [
  index: number,
  token: number,
  rows: readonly unknown[],
  dropped: readonly unknown[],
  corrupt: unknown,
];

/** Parses the flat list of rows. */
export function parseTakenRows(values: readonly unknown[]): TakenRow[] {
  const rows: TakenRow[] = [];
  for (let i = 0; i < values.length; i += VALUES_PER_ROW) {
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

function parseFetched([index, token, rows, dropped, corrupt]: RawFetched, call: ExchangeCall): Fetched {
  return {
    queue: call.queues[index] ?? '',
    token,
    rows: parseTakenRows(rows),
    dropped: dropped.map(textOf),
    corrupt: textOf(corrupt) || null,
  };
}

/** Finishes attempts and takes tasks, in one call. */
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
      for (const { id, token, end, line, message, retentionOrDelay, lock, result } of others) {
        args.push(id, token, end, line, message.whole ? 1 : 0, message.bytes, retentionOrDelay, lock, result);
      }
    }
    return args;
  },
  reply: (raw, call): ExchangeReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [codes, ...fetched] = raw as readonly [unknown, ...RawFetched[]];
    return { codes: textOf(codes), fetched: fetched.map((queue) => parseFetched(queue, call)) };
  },
});
