// The presence facet, kept in memory on the main thread.
import { PRESENCE_MS, type Presence, type ServerRecord } from '../../../../broker/presence.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { Clock } from '../../../../runtime/clock.ts';

/** Presence within this process: it alone owns the file, so all workers of the file run in it. */
export interface LocalPresence extends Presence {
  /** Forgets all servers. Later calls are rejected. */
  close(): void;
}

/** Counts by the monotonic clock: a wall clock that is set ends no sign of life. */
export function createPresence(broker: string, { monotonicMs }: Pick<Clock, 'monotonicMs'>): LocalPresence {
  /** By the server's ID. */
  const announced = new Map<string, { readonly server: ServerRecord; readonly untilMs: number }>();
  let closed = false;

  /** @throws TaskCenterError `broker-closed` */
  function removeExpired(): void {
    if (closed) throw new TaskCenterError('broker-closed', { broker });
    for (const [id, { untilMs }] of announced) if (untilMs < monotonicMs()) announced.delete(id);
  }

  return {
    async announce(server) {
      removeExpired();
      // A later announcement replaces an earlier one, and starts its time again.
      announced.set(server.id, { server, untilMs: monotonicMs() + PRESENCE_MS });
    },
    async withdraw({ id }) {
      removeExpired();
      announced.delete(id);
    },
    async servers({ withTasks = true } = {}) {
      removeExpired();
      return [...announced.values()].map(({ server }) => (withTasks ? server : { ...server, tasks: [] }));
    },
    close() {
      closed = true;
      announced.clear();
    },
  };
}
