/** Asynq's words: `new` (not started), `active`, `stopped` (takes nothing more) and `closed` (is shutting down). */
export type ServerStatus = 'new' | 'active' | 'stopped' | 'closed';

/** A task that a server runs now. Times are wall-clock ms; null = unknown. */
export interface RunningTask {
  readonly queue: string;
  readonly id: string;
  readonly type: string;
  /** The beginning of its payload. */
  readonly payload: Uint8Array | null;
  readonly startedMs: number | null;
  /** When this attempt must end. */
  readonly deadlineMs: number | null;
}

/** One of our workers, or a process that Asynq calls a server. */
export interface ServerRecord {
  /** A UUID. */
  readonly id: string;
  /** The machine's host name. */
  readonly host: string;
  readonly pid: number;
  /** Most attempts at once. */
  readonly concurrency: number;
  /** Priority of each stored queue. */
  readonly queues: Readonly<Record<string, number>>;
  /** Whether a queue gives tasks only when those of higher priority are empty. */
  readonly strict: boolean;
  readonly status: ServerStatus | (string & {});
  readonly startedMs: number | null;
  /** Number of all running attempts. */
  readonly running: number;
  /** The longest-running of them, oldest first. Redis keeps one of two tasks with the same ID, as Asynq does. */
  readonly tasks: readonly RunningTask[];
}

/** How long an announcement lasts, ms, as in Asynq. Servers repeat it before that. */
export const PRESENCE_MS = 10_000;

/** Which servers work on this broker: their heartbeats, for people. Nothing is decided by it. */
export interface Presence {
  /** Shows the server for `PRESENCE_MS`, in place of its announcement before. At most 1,000 tasks. */
  announce(server: ServerRecord): Promise<void>;
  /** Removes the server's announcement. */
  withdraw(server: Pick<ServerRecord, 'id' | 'host' | 'pid'>): Promise<void>;
  /**
   * Servers with a current announcement; at most 1,000, in no order.
   *
   * @param options `withTasks: false` reads no task: `tasks` is empty. Default: true.
   */
  servers(options?: { readonly withTasks?: boolean }): Promise<ServerRecord[]>;
}
