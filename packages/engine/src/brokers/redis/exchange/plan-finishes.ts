import type { CountedFinish, Finish } from '../../../broker/consume.ts';
import { isGivenBack } from '../../../broker/given-back.ts';
import { uniqueKeyPrefix } from '../../../protocol/keys.ts';
import { encodeMessage, type TaskMessage } from '../../../protocol/message.ts';
import { asBuffer } from '../../../protocol/wire.ts';
import { encodeAttempt, encodeStack, MAX_STORED_ERROR_LENGTH } from '../../../task/attempt-record.ts';
import { END } from '../scripts/lua.generated.ts';
import type { OtherFinish, QueueFinishes } from '../scripts/consume/exchange.ts';

/** What the broker keeps with a leased task: the facts about its stored message that its finish needs. */
export interface TaskSource {
  readonly message: TaskMessage;
  /** Fields that are in the stored message more than once: each finish appends the changed ones. */
  readonly repeats: number;
  /** Size of the stored message, bytes. */
  readonly size: number;
}

/** From this number of repeated fields on, a message is written as a whole instead of appended to. */
const MAX_REPEATS = 4;
/** Appends nothing to the message. */
const NO_CHANGE = { isWhole: 0, message: '' } as const;

type MessageChange = Pick<OtherFinish, 'isWhole' | 'message'>;

/** The task's unique lock; '' = none. A key outside the queue's own keys is not a lock (docs/design/protocol.md#unique-locks). */
export function lockOf(queue: string, { uniqueKey }: TaskMessage): string {
  return uniqueKey.startsWith(uniqueKeyPrefix(queue)) ? uniqueKey : '';
}

/** The new message, or the fields to append. In protobuf the last one of a repeated field counts. */
function changedMessage({ message, repeats }: TaskSource, changes: Partial<TaskMessage>): MessageChange {
  const isWhole = repeats >= MAX_REPEATS;
  // Required in TypeScript; empty fields are not encoded.
  const empty = { type: '', id: '', queue: '' };
  return {
    isWhole: isWhole ? 1 : 0,
    message: encodeMessage(isWhole ? { ...message, ...changes } : { ...empty, ...changes }),
  };
}

/** The message after a failed attempt. */
function failedMessage(finish: CountedFinish, retried?: number): MessageChange {
  const errorMsg = (finish.record.error?.message ?? finish.record.reason ?? '').slice(
    0,
    MAX_STORED_ERROR_LENGTH,
  );
  return changedMessage(finish.task.source as TaskSource, {
    // The script fills in the time, by its own clock.
    lastFailedAt: 0,
    ...(retried !== undefined && { retried }),
    ...(errorMsg !== '' && { errorMsg }),
  });
}

/** How the script ends this attempt, as its arguments. */
function otherFinishOf(finish: Finish): Omit<OtherFinish, 'id' | 'token'> {
  const { task, outcome } = finish;
  const source = task.source as TaskSource;
  const blank = { line: '', ...NO_CHANGE, retentionOrDelay: 0, lock: '', resultOrStack: '' };
  if (outcome === 'requeue') return { ...blank, endCode: END.requeue };
  if (outcome === 'defer')
    return {
      ...blank,
      endCode: END.defer,
      line: finish.reason,
      retentionOrDelay: Math.max(0, Math.ceil(finish.delayMs)),
    };
  const line = encodeAttempt(finish.record);
  const failed = { ...blank, line, resultOrStack: encodeStack(finish.record) };
  if (outcome === 'archive') return { ...failed, endCode: END.archive, ...failedMessage(finish) };
  if (outcome === 'retry') {
    const { delayMs, countsAsFailure } = finish;
    const retried = countsAsFailure ? source.message.retried + 1 : undefined;
    return {
      ...failed,
      endCode: countsAsFailure ? END.fail : END.retry,
      ...failedMessage(finish, retried),
      retentionOrDelay: Math.max(0, Math.ceil(delayMs)),
    };
  }
  if (outcome === 'revoked')
    return { ...blank, line, endCode: END.revoke, lock: lockOf(task.queue, source.message) };
  const kept = { line, retentionOrDelay: source.message.retention, lock: lockOf(task.queue, source.message) };
  if (kept.retentionOrDelay <= 0) return { ...blank, ...kept, endCode: END.done };
  const unchanged = changedMessage(source, {});
  if (finish.result === null) return { ...blank, ...kept, endCode: END.keep, ...unchanged };
  return { ...blank, ...kept, endCode: END.keepResult, ...unchanged, resultOrStack: asBuffer(finish.result) };
}

/** Whether the task just vanishes: it is kept nowhere and holds no lock. Many of these share one short argument list. */
function isPlainFinish({ task, outcome }: Finish): boolean {
  if (outcome !== 'succeeded') return false;
  const { message } = task.source as TaskSource;
  return message.retention <= 0 && lockOf(task.queue, message) === '';
}

/** Finishes that the script gets together, with their indexes in the caller's list. */
class IndexedList<Item> {
  readonly items: Item[] = [];
  readonly indexes: number[] = [];

  add(item: Item, index: number): void {
    this.items.push(item);
    this.indexes.push(index);
  }
}

/** The finishes of one queue. Of several finishes of one lease the first counts; the others would find the lease gone. */
class QueuePlan {
  /** IDs of plain finishes, by token. */
  readonly #plain = new Map<number, IndexedList<string>>();
  readonly #others = new IndexedList<OtherFinish>();
  /** The first token seen with each ID. */
  readonly #tokens = new Map<string, number>();
  /** Further leases of an ID, as `<token> <id>`. */
  readonly #moreLeases = new Set<string>();

  add(finish: Finish, index: number): void {
    const { id, token } = finish.task;
    if (!this.#remember(id, token)) return;
    if (!isPlainFinish(finish)) return this.#others.add({ id, token, ...otherFinishOf(finish) }, index);
    let ids = this.#plain.get(token);
    if (!ids) this.#plain.set(token, (ids = new IndexedList()));
    ids.add(id, index);
  }

  finishes(queue: string): QueueFinishes {
    const plain = [...this.#plain].map(([token, { items }]) => ({ token, ids: items }));
    return { queue, plain, others: this.#others.items };
  }

  /** The caller's indexes in the order of `finishes`. */
  indexes(): number[] {
    return [...this.#plain.values(), this.#others].flatMap(({ indexes }) => indexes);
  }

  /** False = a finish of this lease is in the plan already. */
  #remember(id: string, token: number): boolean {
    const known = this.#tokens.get(id);
    if (known === undefined) {
      this.#tokens.set(id, token);
      return true;
    }
    const lease = `${token} ${id}`;
    if (known === token || this.#moreLeases.has(lease)) return false;
    this.#moreLeases.add(lease);
    return true;
  }
}

/** The finishes of one call by queue, and the caller's indexes in the order in which the script answers. */
export interface FinishPlan {
  readonly finishes: readonly QueueFinishes[];
  readonly indexes: readonly number[];
}

/**
 * Sorts the finishes of one call by queue.
 *
 * @param firstIndex index of the first of them among all finishes of the caller
 */
export function planFinishes(finishes: readonly Finish[], firstIndex: number): FinishPlan {
  const plans = new Map<string, QueuePlan>();
  for (const [i, finish] of finishes.entries()) {
    const { queue } = finish.task;
    let plan = plans.get(queue);
    if (!plan) plans.set(queue, (plan = new QueuePlan()));
    plan.add(finish, firstIndex + i);
  }
  return {
    finishes: [...plans].map(([queue, plan]) => plan.finishes(queue)),
    indexes: [...plans.values()].flatMap((plan) => plan.indexes()),
  };
}

/** Roughly the bytes that the script has in memory for a finish: the stored message and what is added. */
export function weightOf(finish: Finish): number {
  const { size } = finish.task.source as TaskSource;
  if (isPlainFinish(finish) || isGivenBack(finish)) return 0;
  const { error, exchange } = finish.record;
  const kept =
    (error?.message.length ?? 0) +
    (error?.stack?.length ?? 0) +
    (exchange ? JSON.stringify(exchange).length : 0);
  return size + kept + (finish.outcome === 'succeeded' ? (finish.result?.length ?? 0) : 0);
}
