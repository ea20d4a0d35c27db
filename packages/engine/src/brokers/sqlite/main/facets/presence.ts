import { PRESENCE_MS, type Presence, type ServerRecord } from '../../../../broker/presence.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';

/** Within the process: the file is its alone, so every worker on it lives here. */
export interface LocalPresence extends Presence {
  /** Refuses calls from now on. */
  close(): void;
}

export function createPresence(broker: string, nowMs: () => number): LocalPresence {
  const known = new Map<string, { readonly server: ServerRecord; readonly untilMs: number }>();
  let closed = false;

  function dropExpired(): void {
    if (closed) throw new TaskCenterError('broker-closed', { broker });
    for (const [id, { untilMs }] of known) if (untilMs < nowMs()) known.delete(id);
  }

  return {
    async announce(server) {
      dropExpired();
      known.set(server.id, { server, untilMs: nowMs() + PRESENCE_MS });
    },
    async withdraw({ id }) {
      dropExpired();
      known.delete(id);
    },
    async servers() {
      dropExpired();
      return [...known.values()].map(({ server }) => server);
    },
    close() {
      closed = true;
      known.clear();
    },
  };
}
