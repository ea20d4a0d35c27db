// Everything that the main thread can ask of the writer thread: one table of request handlers, and the types that the main
// thread derives from it. The handlers run in the writer thread.
import type { CallOptions } from '../../../broker/call-options.ts';
import { plain, type ReceivedPacket, type Packet } from '../packing.ts';
import type { Store } from './store.ts';
import { createAwaitHandlers } from './facets/await.ts';
import { createChangeHandlers } from './facets/change-many.ts';
import { createCheckHandlers } from './facets/check.ts';
import { createClaimHandlers } from './facets/claims.ts';
import { createConsumeHandlers } from './facets/consume.ts';
import { createControlHandlers } from './facets/control.ts';
import { createCursorKeyHandlers } from './facets/cursor-key.ts';
import { createDocumentHandlers } from './facets/documents.ts';
import { createFireHandlers } from './facets/fire.ts';
import { createGroupHandlers } from './facets/groups.ts';
import { createHistoryHandlers } from './facets/history.ts';
import { createInspectHandlers } from './facets/inspect.ts';
import { createMaintainHandlers } from './facets/maintain.ts';
import { createNoteHandlers } from './facets/notes.ts';
import { createScheduleListHandlers } from './facets/schedule-lists.ts';
import { createScheduleHandlers } from './facets/schedules.ts';
import { createSchedulerEntryHandlers } from './facets/scheduler-entries.ts';
import { createSubmitHandlers } from './facets/submit.ts';

/**
 * Request handlers by name. A handler gets its call and the current time, and runs inside a transaction. It may throw a
 * `TaskCenterError` only before its first write: the transaction, with other requests in it, is committed all the same.
 */
export function createRequestHandlers(store: Store) {
  const probe = store.database.prepare('SELECT 1');
  const addMark = store.database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('writable', 0)");
  const removeMark = store.database.prepare("DELETE FROM meta WHERE name = 'writable'");
  return {
    ...createSubmitHandlers(store),
    ...createConsumeHandlers(store),
    ...createMaintainHandlers(store),
    ...createCheckHandlers(store),
    ...createControlHandlers(store),
    ...createChangeHandlers(store),
    ...createGroupHandlers(store),
    ...createInspectHandlers(store),
    ...createAwaitHandlers(store),
    ...createNoteHandlers(store),
    ...createDocumentHandlers(store),
    ...createClaimHandlers(store),
    ...createHistoryHandlers(store),
    ...createCursorKeyHandlers(store),
    ...createScheduleHandlers(store),
    ...createScheduleListHandlers(store),
    ...createFireHandlers(store),
    ...createSchedulerEntryHandlers(store),

    ping(): Packet<boolean> {
      return plain(probe.get() !== undefined);
    },

    /** Adds a row and removes it: the commit writes its page to the disk, and the row is never seen. */
    checkWritable(): Packet<null> {
      addMark.run();
      removeMark.run();
      return plain(null);
    },
  };
}

export type RequestHandlers = ReturnType<typeof createRequestHandlers>;
export type RequestName = keyof RequestHandlers;
/** The packet that a handler is called with. */
export type RequestOf<Name extends RequestName> = Packet<DataOf<Name>>;
type DataOf<Name extends RequestName> =
  Parameters<RequestHandlers[Name]> extends [Packet<infer Data>, ...unknown[]] ? Data : null;
/** The packet that the main thread gets back. */
export type AnswerOf<Name extends RequestName> =
  ReturnType<RequestHandlers[Name]> extends Packet<infer Data, infer Row> ? ReceivedPacket<Data, Row> : never;

/**
 * How facets have the store work: a file that a thread owns (`Writer`), or memory of this thread. Calls are handled in the order in which they were made; those of one turn of the event loop together.
 */
export interface StoreCalls {
  /** @throws TaskCenterError `broker-closed`, `broker-unavailable`, `broker-full`, `broker-refused`; those of the handler */
  run<Name extends RequestName>(
    name: Name,
    call: RequestOf<Name>,
    options?: CallOptions,
  ): Promise<AnswerOf<Name>>;
  /** Has a request without bytes handled, and resolves to the data of the answer. */
  ask<Name extends RequestName>(
    name: Name,
    data: RequestOf<Name>['data'],
    options?: CallOptions,
  ): Promise<AnswerOf<Name>['data']>;
  /** Whether no call waits for its answer. */
  readonly isIdle: boolean;
  /** Ends when all calls made so far are answered. May be called twice. */
  close(): Promise<void>;
}
