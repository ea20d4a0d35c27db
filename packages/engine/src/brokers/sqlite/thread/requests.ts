import { plain, type ReceivedPacket, type Packet } from '../packing.ts';
import type { Store } from './store.ts';
import { actOperations } from './facets/change-many.ts';
import { checkOperations } from './facets/check.ts';
import { consumeOperations } from './facets/consume.ts';
import { controlOperations } from './facets/control.ts';
import { documentOperations } from './facets/documents.ts';
import { groupOperations } from './facets/groups.ts';
import { inspectOperations } from './facets/inspect.ts';
import { maintainOperations } from './facets/maintain.ts';
import { schedulerOperations } from './facets/scheduler-entries.ts';
import { submitOperations } from './facets/submit.ts';

/**
 * All that the writer thread can do, by name. An operation is a function of its call and the moment; it runs inside
 * a transaction and throws a `TaskCenterError` only before its first write.
 */
export function createRequestHandlers(store: Store) {
  const alive = store.database.prepare('SELECT 1');
  return {
    ...submitOperations(store),
    ...consumeOperations(store),
    ...maintainOperations(store),
    ...checkOperations(store),
    ...controlOperations(store),
    ...actOperations(store),
    ...groupOperations(store),
    ...inspectOperations(store),
    ...documentOperations(store),
    ...schedulerOperations(store),

    ping(): Packet<boolean> {
      return plain(alive.get() !== undefined);
    },
  };
}

export type RequestHandlers = ReturnType<typeof createRequestHandlers>;
export type RequestName = keyof RequestHandlers;
/** The packet that an operation takes. */
export type CallOf<N extends RequestName> = Packet<DataOf<N>>;
type DataOf<N extends RequestName> =
  Parameters<RequestHandlers[N]> extends [Packet<infer Data>, ...unknown[]] ? Data : null;
/** What comes back from it. */
export type ReplyOf<N extends RequestName> =
  ReturnType<RequestHandlers[N]> extends Packet<infer Data, infer Row> ? ReceivedPacket<Data, Row> : never;
