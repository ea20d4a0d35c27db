// The facet of schedules on Redis. Specifications and ledgers are texts that nobody reads here, nor in the scripts.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../broker/bounds.ts';
import type { CallOptions } from '../../../broker/call-options.ts';
import type { FireWrite, FireWriteOutcome } from '../../../broker/fires.ts';
import type { ScheduleRef } from '../../../broker/schedule-records.ts';
import type { DueSchedules, KnownLook, NextLook, ScheduleStore } from '../../../broker/schedules.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { chunk } from '../../../runtime/chunk.ts';
import { groupBy } from '../calls/batches.ts';
import { runOverReachableQueues } from '../calls/over-queues.ts';
import { acceptedReply } from '../calls/refusals.ts';
import { withReceipt } from '../calls/with-receipt.ts';
import type { RedisDeps } from '../deps.ts';
import { EncodedTask } from '../records/new-task-item.ts';
import { type EncodedWrite, scheduleFire } from '../scripts/schedules/fires.ts';
import {
  LOOKS_AT_ONCE,
  type LookOfQueue,
  scheduleDue,
  scheduleLookNow,
  scheduleLooks,
} from '../scripts/schedules/table.ts';
import { pageOfFires } from './fire-history.ts';
import { createScheduleLists } from './schedule-lists.ts';
import { putByQueue, removeByQueue } from './schedule-writes.ts';

/** Schedules that one script hands out: each costs 16 µs, and more where runs have ended. It takes 1 ms, and less than 5 on a slow machine. */
const HANDED_OUT_AT_ONCE = 64;
/** Schedules, and tasks, that one script fires: each costs 30 µs, with a full history. */
const FIRED_AT_ONCE = 32;

/** The tasks of a write, those of all its fires, in order; null = one of them cannot be encoded, which must harm no other write. */
function encode(write: FireWrite): EncodedWrite | null {
  try {
    return { write, items: write.fires.flatMap(({ tasks }) => tasks.map((task) => new EncodedTask(task))) };
  } catch {
    return null;
  }
}

/** Bytes of a write, about. */
const encodedSize = ({ write, items }: EncodedWrite): number =>
  items.reduce((bytes, { message, meta }) => bytes + message.length + meta.length, write.plan.ledger.length);

/**
 * Divides writes into calls: each within the bounds, or a single write. What a schedule writes is never divided, as it is stored
 * whole or not at all.
 */
function divideWrites(writes: readonly EncodedWrite[]): EncodedWrite[][] {
  return chunk(writes, { maxItems: FIRED_AT_ONCE, maxBytes: MAX_BATCH_BYTES }, encodedSize).flatMap((part) =>
    chunk(part, { maxItems: FIRED_AT_ONCE, maxBytes: FIRED_AT_ONCE }, ({ items }) => items.length),
  );
}

/** The distinct businesses of the tasks: the queue remembers them. */
function businessesAmong(writes: readonly EncodedWrite[]): string[] {
  const tasks = writes.flatMap(({ write }) => write.fires.flatMap((fire) => fire.tasks));
  return [...new Set(tasks.flatMap(({ meta }) => meta.business ?? []))];
}

/** Writes the fires of one call. A full Redis refuses them: they stay due, and are handed out again. */
async function fireTogether(
  deps: RedisDeps,
  { queue, writes }: { readonly queue: string; readonly writes: readonly EncodedWrite[] },
  options: CallOptions | undefined,
): Promise<FireWriteOutcome[]> {
  const { client } = deps;
  const businesses = businessesAmong(writes);
  try {
    return await withReceipt(deps, { queue, options }, async (receipt, left) =>
      acceptedReply(
        await client.run(scheduleFire, { queue, receipt, writes, businesses }, left),
        queue,
        client.name,
      ),
    );
  } catch (error) {
    if (!isTaskCenterError(error, 'broker-full')) throw error;
    return writes.map(() => ({ code: 'refused', cause: 'broker-full' }));
  }
}

/** Writes the fires of any number of schedules. One call after the other: Redis serves others in between. */
async function fireAll(
  deps: RedisDeps,
  { queue, writes }: { readonly queue: string; readonly writes: readonly FireWrite[] },
  options: CallOptions | undefined,
): Promise<FireWriteOutcome[]> {
  await deps.registration.register(queue, options);
  const encoded = writes.map(encode);
  const outcomes: FireWriteOutcome[] = [];
  for (const part of divideWrites(encoded.filter((each) => each !== null)))
    outcomes.push(...(await fireTogether(deps, { queue, writes: part }, options)));
  let next = 0;
  return encoded.map((each) =>
    each === null ? { code: 'refused', cause: 'invalid-task' } : outcomes[next++]!,
  );
}

/** Hands out schedules. */
async function dueSchedules({ client }: RedisDeps, queue: string, limit: number): Promise<DueSchedules> {
  // More than one script may handle would hold up all others.
  const bounded = Math.max(1, Math.min(limit, HANDED_OUT_AT_ONCE));
  const { nowMs, nextLookMs, items } = await client.run(scheduleDue, { queue, limit: bounded });
  const nextLookInMs = nextLookMs === null ? null : Math.max(0, nextLookMs - nowMs);
  return { queue, nowMs, schedules: items, nextLookMs, nextLookInMs };
}

/** Of many queues in few calls. A queue on a master that is down has none. */
async function readLooks({ client }: RedisDeps, queues: readonly string[]): Promise<(NextLook | null)[]> {
  const looks = await runOverReachableQueues<LookOfQueue | null>(client, scheduleLooks, {
    queues,
    perCall: LOOKS_AT_ONCE,
    none: [null],
  });
  return looks.map(
    (look) => look && { queue: look.queue, nextLookMs: look.nextLookMs, nextLookInMs: look.nextLookInMs },
  );
}

/** In calls of bounded size. */
async function bringLooksForward({ client }: RedisDeps, schedules: readonly ScheduleRef[]): Promise<void> {
  for (const [queue, refs] of groupBy(schedules, (ref) => ref.queue))
    for (let from = 0; from < refs.length; from += MAX_BATCH) {
      const names = refs.slice(from, from + MAX_BATCH).map(({ name }) => name);
      await client.run(scheduleLookNow, { queue, names });
    }
}

/** Waits for looks as tasks are waited for. */
interface LookSignals {
  waitForLook(known: readonly KnownLook[], signal: AbortSignal): Promise<readonly string[]>;
}

/** The facet. Each call of a script works on one queue, and on bounded data. */
export function createScheduleFacet(deps: RedisDeps, signals: LookSignals): ScheduleStore {
  return {
    ...createScheduleLists(deps),
    put: (schedules) => putByQueue(deps, schedules),
    remove: (schedules) => removeByQueue(deps, schedules),
    nextLooks: (queues) => readLooks(deps, queues),
    nextLookOf: async (queue) => (await readLooks(deps, [queue]))[0] ?? null,
    due: (queue, limit) => dueSchedules(deps, queue, limit),
    fire: (queue, writes, options) => fireAll(deps, { queue, writes }, options),
    lookNow: (schedules) => bringLooksForward(deps, schedules),
    waitForLook: (known, signal) => signals.waitForLook(known, signal),
    fires: (request) => pageOfFires(deps.client, request),
  };
}
