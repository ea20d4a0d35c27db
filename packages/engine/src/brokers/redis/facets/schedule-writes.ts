// Writing and removing schedules. The registry lies in another slot: it is written first and taken out last. What is cut in between
// leaves an entry without a schedule, which nobody sees and the next write of this name replaces.
import { MAX_BATCH, MAX_BATCH_BYTES } from '../../../broker/bounds.ts';
import type {
  PutOutcome,
  RemoveOutcome,
  SchedulePut,
  ScheduleRemoval,
} from '../../../broker/schedule-records.ts';
import { chunk } from '../../../runtime/chunk.ts';
import { groupBy } from '../calls/batches.ts';
import { acceptedReply } from '../calls/refusals.ts';
import { withReceipt } from '../calls/with-receipt.ts';
import type { RedisDeps } from '../deps.ts';
import { putSize } from '../records/schedule-record.ts';
import { registryClaim, registryRelease, type OtherEntry } from '../scripts/schedules/registry.ts';
import { type ClaimedPut, schedulePut, scheduleRead, scheduleRemove } from '../scripts/schedules/table.ts';

/** Schedules that one call removes: each has up to 100 lines of history. */
const MAX_REMOVED = 16;
/** Bounds of one call, which takes 1 ms. */
const PUT_CALL = { maxItems: 64, maxBytes: MAX_BATCH_BYTES };

/** An item and its place in the caller's list. */
interface Placed<Item> {
  readonly item: Item;
  readonly index: number;
}

/** The items of each queue, in the order of their first ones. */
const byQueue = <Item extends { readonly queue: string }>(
  items: readonly Placed<Item>[],
): [string, Placed<Item>[]][] => [...groupBy(items, ({ item }) => item.queue)];

/** Whether a settled entry belongs to no schedule: it was cut between the registry and the queue. */
async function isLeftover({ client }: RedisDeps, name: string, other: OtherEntry): Promise<boolean> {
  if (!other.isSettled) return false;
  const [found] = await client.run(scheduleRead, { queue: other.queue, names: [name] });
  return found === null;
}

/** Enters one schedule again, in place of another entry. Returns the queue of the entry that stays; null = it is entered. */
async function replaceEntry(
  deps: RedisDeps,
  { name, queue }: SchedulePut,
  { other, claim }: { readonly other: OtherEntry; readonly claim: string },
): Promise<string | null> {
  if (!(await isLeftover(deps, name, other))) return other.queue;
  const entries = [{ name, queue, mayReplace: true }];
  const [still] = await deps.client.run(registryClaim, { claim, entries });
  return still?.queue ?? null;
}

/** Enters new schedules into the registry. Returns those that may be written; the outcomes of the others are filled in. */
async function claimNames(
  deps: RedisDeps,
  puts: readonly Placed<SchedulePut>[],
  outcomes: PutOutcome[],
): Promise<Placed<ClaimedPut>[]> {
  const claimed: Placed<ClaimedPut>[] = [];
  for (const part of chunk(puts, { maxItems: MAX_BATCH, maxBytes: Infinity }, () => 1)) {
    // A repeat after a lost reply claims the same again.
    const claim = deps.runtime.newId();
    const entries = part.map(({ item: { name, queue } }) => ({ name, queue, mayReplace: false }));
    const others = await deps.client.run(registryClaim, { claim, entries });
    for (const [i, { item, index }] of part.entries()) {
      const other = others[i] ?? null;
      const queue = other && (await replaceEntry(deps, item, { other, claim }));
      if (queue === null) claimed.push({ item: { ...item, claim }, index });
      else outcomes[index] = { code: 'schedule-exists', queue };
    }
  }
  return claimed;
}

/** Writes schedules: first their entries in the registry, then each queue's in calls of bounded size. */
export async function putByQueue(deps: RedisDeps, schedules: readonly SchedulePut[]): Promise<PutOutcome[]> {
  const outcomes: PutOutcome[] = [];
  const placed = schedules.map((item, index) => ({ item, index }));
  const isNew = ({ item }: Placed<SchedulePut>) => item.expectedRevision === 0;
  const claimed = await claimNames(deps, placed.filter(isNew), outcomes);
  const changed = placed
    .filter((one) => !isNew(one))
    .map(({ item, index }) => ({ item: { ...item, claim: '' }, index }));
  const writes = [...claimed, ...changed].sort((a, b) => a.index - b.index);
  for (const [queue, ofQueue] of byQueue(writes)) {
    // A change of what does not exist must not make a queue.
    if (ofQueue.some(isNew)) await deps.registration.register(queue);
    for (const part of chunk(ofQueue, PUT_CALL, ({ item }) => putSize(item))) {
      const items = part.map(({ item }) => item);
      const stored = await withReceipt(deps, { queue }, async (receipt, left) =>
        acceptedReply(
          await deps.client.run(schedulePut, { queue, receipt, items }, left),
          queue,
          deps.client.name,
        ),
      );
      part.forEach(({ index }, i) => (outcomes[index] = stored[i]!));
    }
  }
  return outcomes;
}

/** Removes schedules from their queues, then their entries. An entry that a later write has claimed stays. */
export async function removeByQueue(
  deps: RedisDeps,
  schedules: readonly ScheduleRemoval[],
): Promise<RemoveOutcome[]> {
  const outcomes: RemoveOutcome[] = [];
  const placed = schedules.map((item, index) => ({ item, index }));
  for (const [queue, ofQueue] of byQueue(placed)) {
    for (const part of chunk(ofQueue, { maxItems: MAX_REMOVED, maxBytes: Infinity }, () => 1)) {
      const items = part.map(({ item }) => item);
      const removed = await withReceipt(deps, { queue }, async (receipt, left) =>
        acceptedReply(
          await deps.client.run(scheduleRemove, { queue, receipt, items }, left),
          queue,
          deps.client.name,
        ),
      );
      part.forEach(({ index }, i) => (outcomes[index] = removed[i]!.outcome));
      // Last: an entry without a schedule does no harm, a schedule without an entry is not found.
      const gone = removed
        .map(({ claim, outcome }, i) => ({ name: items[i]!.name, claim, code: outcome.code }))
        .filter(({ code }) => code === 'removed')
        .map(({ name, claim }) => ({ name, claim }));
      if (gone.length > 0) await deps.client.run(registryRelease, gone);
    }
  }
  return outcomes;
}
