import type { Finish } from '../../../broker/consume.ts';
import { uniqueKeyPrefix } from '../../../protocol/keys.ts';
import { encodeMessage, type TaskMessage } from '../../../protocol/message.ts';
import { asBuffer } from '../../../protocol/wire.ts';
import { encodeAttempt } from '../../../task/attempt-record.ts';
import type { OtherFinish, QueueFinishes } from '../scripts/consume/exchange.ts';

/** Our note on a leased task: what its finish needs of the message. */
export interface TaskSource {
  readonly message: TaskMessage;
  /** Fields of the stored message that stand twice. */
  readonly repeats: number;
  /** Bytes of the stored message. */
  readonly size: number;
}

/** With so many fields twice a message is written anew instead of appended to. */
const MAX_REPEATS = 4;
const MAX_ERROR_LENGTH = 8_192;
const NOTHING = { whole: false, bytes: '' } as const;

/** The task's unique lock, '' = none; a key outside its queue is nobody's lock (protocol 1.5). */
export function lockOf(queue: string, { uniqueKey }: TaskMessage): string {
  return uniqueKey.startsWith(uniqueKeyPrefix(queue)) ? uniqueKey : '';
}

/** What changes in the message; the script adds the time, by its own clock. */
function changed({ message, repeats }: TaskSource, changes: Partial<TaskMessage>): OtherFinish['message'] {
  const whole = repeats >= MAX_REPEATS;
  const bare = { type: '', id: '', queue: '' };
  return { whole, bytes: encodeMessage(whole ? { ...message, ...changes } : { ...bare, ...changes }) };
}

function failed(finish: Exclude<Finish, { outcome: 'requeue' }>, retried?: number): OtherFinish['message'] {
  const errorMsg = (finish.record.error?.message ?? finish.record.reason ?? '').slice(0, MAX_ERROR_LENGTH);
  return changed(finish.task.source as TaskSource, {
    lastFailedAt: 0,
    ...(retried !== undefined && { retried }),
    ...(errorMsg !== '' && { errorMsg }),
  });
}

function otherOf(finish: Finish): Omit<OtherFinish, 'id' | 'token'> {
  const { task, outcome } = finish;
  const source = task.source as TaskSource;
  const blank = { line: '', message: NOTHING, number: 0, text: '', result: '' };
  if (outcome === 'requeue') return { ...blank, verb: 'q' };
  const line = encodeAttempt(finish.record);
  if (outcome === 'archive') return { ...blank, line, verb: 'a', message: failed(finish) };
  if (outcome === 'retry') {
    const { delayMs, countsAsFailure } = finish;
    const verb = countsAsFailure ? 'f' : 'r';
    const retried = countsAsFailure ? source.message.retried + 1 : undefined;
    return {
      ...blank,
      line,
      verb,
      message: failed(finish, retried),
      number: Math.max(0, Math.ceil(delayMs)),
    };
  }
  if (outcome === 'revoked') return { ...blank, line, verb: 'd', text: lockOf(task.queue, source.message) };
  const kept = { line, number: source.message.retention, text: lockOf(task.queue, source.message) };
  if (kept.number <= 0) return { ...blank, ...kept, verb: 'd' };
  const message = changed(source, {});
  if (finish.result === null) return { ...blank, ...kept, verb: 'k', message };
  return { ...blank, ...kept, verb: 'K', message, result: asBuffer(finish.result) };
}

function isPlain({ task, outcome }: Finish): boolean {
  if (outcome !== 'succeeded' && outcome !== 'revoked') return false;
  const { message } = task.source as TaskSource;
  return (outcome === 'revoked' || message.retention <= 0) && lockOf(task.queue, message) === '';
}

/** Finishes that have something in common, and their places. */
class PlainBatch<Item> {
  readonly items: Item[] = [];
  readonly places: number[] = [];

  add(item: Item, place: number): void {
    this.items.push(item);
    this.places.push(place);
  }
}

/** Of several finishes of one lease the first counts; the others find it gone. */
class QueuePlan {
  /** IDs by token. */
  readonly #plain = new Map<number, PlainBatch<string>>();
  readonly #others = new PlainBatch<OtherFinish>();
  readonly #tokens = new Map<string, number>();
  /** Leases of IDs that came with several tokens. */
  readonly #more = new Set<string>();

  add(finish: Finish, place: number): void {
    const { id, token } = finish.task;
    if (this.#wasSeen(id, token)) return;
    if (!isPlain(finish)) return this.#others.add({ id, token, ...otherOf(finish) }, place);
    let lot = this.#plain.get(token);
    if (!lot) this.#plain.set(token, (lot = new PlainBatch()));
    lot.add(id, place);
  }

  finishes(queue: string): QueueFinishes {
    const plain = [...this.#plain].map(([token, { items }]) => ({ token, ids: items }));
    return { queue, plain, others: this.#others.items };
  }

  places(): number[] {
    return [...this.#plain.values(), this.#others].flatMap(({ places }) => places);
  }

  /** Whether this lease is among the finishes already; from now on it is. */
  #wasSeen(id: string, token: number): boolean {
    const known = this.#tokens.get(id);
    if (known === undefined) {
      this.#tokens.set(id, token);
      return false;
    }
    const lease = `${token} ${id}`;
    if (known === token || this.#more.has(lease)) return true;
    this.#more.add(lease);
    return false;
  }
}

/** The finishes of one call by queue, and the caller's places in the order in which the script answers. */
export interface FinishPlan {
  readonly finishes: readonly QueueFinishes[];
  readonly places: readonly number[];
}

/** @param firstPlace place of the first of these among all finishes of the caller. */
export function planFinishes(finishes: readonly Finish[], firstPlace: number): FinishPlan {
  const plans = new Map<string, QueuePlan>();
  for (const [i, finish] of finishes.entries()) {
    const { queue } = finish.task;
    let plan = plans.get(queue);
    if (!plan) plans.set(queue, (plan = new QueuePlan()));
    plan.add(finish, firstPlace + i);
  }
  return {
    finishes: [...plans].map(([queue, plan]) => plan.finishes(queue)),
    places: [...plans.values()].flatMap((plan) => plan.places()),
  };
}

/** Bytes that a script holds while it finishes this one: the stored message and what is new, about. */
export function weightOf(finish: Finish): number {
  const { size } = finish.task.source as TaskSource;
  if (isPlain(finish) || finish.outcome === 'requeue') return 0;
  const { error, exchange } = finish.record;
  const kept = (error?.message.length ?? 0) + (exchange ? JSON.stringify(exchange).length : 0);
  return size + kept + (finish.outcome === 'succeeded' ? (finish.result?.length ?? 0) : 0);
}
