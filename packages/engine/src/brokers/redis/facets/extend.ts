import type { Consume, Lease } from '../../../broker/consume.ts';
import type { RedisParts } from '../parts.ts';
import { extend } from '../scripts/extend.ts';

/** Bound of a script call. */
const MOST_ITEMS = 256;

/** Leases of one queue for one call, with their places in the caller's list. */
interface Batch {
  readonly queue: string;
  readonly leases: Lease[];
  readonly places: number[];
}

function batchesOf(leases: readonly Lease[]): Batch[] {
  const batches: Batch[] = [];
  const open = new Map<string, Batch>();
  leases.forEach((lease, place) => {
    let batch = open.get(lease.queue);
    if (!batch || batch.leases.length === MOST_ITEMS) {
      batch = { queue: lease.queue, leases: [], places: [] };
      open.set(lease.queue, batch);
      batches.push(batch);
    }
    batch.leases.push(lease);
    batch.places.push(place);
  });
  return batches;
}

/** Renewals need no receipt: one that comes twice only lasts longer. */
export function createExtend({ connection }: RedisParts): Consume['extend'] {
  return async (leases, lengthMs) => {
    const kept = leases.map(() => false);
    await Promise.all(
      batchesOf(leases).map(async ({ places, ...batch }) => {
        const flags = await connection.run(extend, { ...batch, lengthMs });
        flags.forEach((flag, i) => (kept[places[i] ?? -1] = flag));
      }),
    );
    return kept;
  };
}
