import { LEAVE_MS } from '../../../../broker/bounds.ts';
import type { FetchOptions } from '../../../../broker/consume.ts';
import { pendingKey } from '../../../../protocol/keys.ts';
import { encodeMessage } from '../../../../protocol/message.ts';
import type { Receipt } from '../../calls/receipts.ts';
import type { RedisArg } from '../../client/script.ts';
import { defineScript, type ScriptValue } from '../define-script.ts';
import { lua, type END } from '../lua.generated.ts';
import { refusalIn, textOf, textOrNull, type Refusal } from '../reply.ts';

/** Successes of one lease token without retention or unique lock: the tasks are deleted. */
export interface PlainFinishes {
  readonly token: number;
  readonly ids: readonly string[];
}

/** Any other end of an attempt. */
export interface OtherFinish {
  readonly id: string;
  readonly token: number;
  /** How the attempt ended. */
  readonly endCode: (typeof END)[keyof typeof END];
  /** The attempt's line for the task's history. */
  readonly line: string;
  /** 1 = `message` is the whole new message, 0 = fields to append to the stored one. */
  readonly isWhole: 0 | 1;
  readonly message: RedisArg;
  /** Retention in s, or delay in ms. */
  readonly retentionOrDelay: number;
  /** Key of the unique lock to release; '' = none. */
  readonly lock: string;
  /** What a success leaves; of a failed attempt its stack, see `encodeStack`; '' = none. */
  readonly resultOrStack: RedisArg;
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
  readonly fetch: FetchOptions;
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
  /** Tasks left to other workers. */
  readonly left: number;
  /** A key of a wrong type, which stops this queue; null = none. */
  readonly corrupt: string | null;
}

export interface ExchangeReply {
  /** A character of CODE per finish, by queue, the plain ones of a queue first. */
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
  left: number,
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

function parseFetched([index, token, rows, dropped, corrupt, left]: RawFetched, call: ExchangeCall): Fetched {
  return {
    queue: call.fetch.queues[index] ?? '',
    token,
    rows: parseTakenRows(rows),
    dropped: dropped.map(textOf),
    left,
    corrupt: textOf(corrupt) || null,
  };
}

/** How the stored messages of these types begin, in the form that the prelude `fetch` reads. */
function beginningsOf(types: readonly string[]): RedisArg {
  return Buffer.concat(
    types.flatMap((type) => {
      const beginning = encodeMessage({ type, id: '', queue: '' });
      return [Buffer.from(`${beginning.length}:`), beginning];
    }),
  );
}

/** Appends the finishes of one queue, as the prelude `finish-queue` reads them. */
function appendFinishes(args: ScriptValue[], { plain, others }: QueueFinishes): void {
  const { counts, tokenRun, finish } = lua.exchange.records;
  const plainCount = plain.reduce((sum, { ids }) => sum + ids.length, 0);
  counts(args, { plain: plainCount, others: others.length, tokens: plain.length });
  for (const { token, ids } of plain) tokenRun(args, { token, length: ids.length });
  for (const { ids } of plain) args.push(...ids);
  for (const other of others) finish(args, other);
}

/** Finishes attempts and takes tasks, in one call. */
export const exchange = defineScript({
  lua: lua.exchange,
  keys: ({ receipt }: ExchangeCall) => ({ receipt: receipt.key }),
  moreKeys: ({ finishes, fetch }) => [
    ...finishes.map(({ queue }) => pendingKey(queue)),
    ...fetch.queues.map(pendingKey),
  ],
  args: ({ receipt, finishes, fetch: { queues, room, leaseMs, worker, shares = [], leave = [] } }) => ({
    slot: receipt.slot,
    sequence: receipt.sequence,
    finishQueues: finishes.length,
    room,
    leaseMs,
    worker,
    shares: shares.join(','),
    fetchQueues: queues.length,
    leave: leave.length === 0 ? '' : beginningsOf(leave),
    leaveMs: LEAVE_MS,
  }),
  moreArgs: ({ finishes }, args) => {
    for (const ofQueue of finishes) appendFinishes(args, ofQueue);
  },
  reply: (raw, call): ExchangeReply | Refusal => {
    const refusal = refusalIn(raw);
    if (refusal) return refusal;
    const [codes, ...fetched] = raw as readonly [unknown, ...RawFetched[]];
    return { codes: textOf(codes), fetched: fetched.map((queue) => parseFetched(queue, call)) };
  },
});
