/** `new`, `active`, `stopped` (takes nothing more) or `closed` (shuts down); Asynq's words (protocol 4.2). */
export type ServerStatus = 'new' | 'active' | 'stopped' | 'closed';

/** A task that a server works on now. Times: wall-clock ms, null where unknown. */
export interface RunningTask {
  readonly queue: string;
  readonly id: string;
  readonly type: string;
  /** The beginning of it. */
  readonly payload: Uint8Array | null;
  readonly startedMs: number | null;
  /** When this attempt must have ended. */
  readonly deadlineMs: number | null;
}

/** A process that takes tasks: one of our workers, or what Asynq calls a server. */
export interface ServerRecord {
  /** A UUID. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Attempts at once. */
  readonly concurrency: number;
  /** Priority of each stored queue. */
  readonly queues: Readonly<Record<string, number>>;
  /** A queue is looked at only when those of higher priority have nothing. */
  readonly strict: boolean;
  readonly status: ServerStatus | (string & {});
  readonly startedMs: number | null;
  /** Tasks in progress, all of them. */
  readonly running: number;
  /** The longest-running of them, oldest first. Of two with one ID in two queues Asynq's form keeps one. */
  readonly tasks: readonly RunningTask[];
}

/** An announcement is good for so long; repeat it in time (protocol 3.22). */
export const PRESENCE_MS = 10_000;

/** Who works here, for people to see. Nothing is decided by it. */
export interface Presence {
  /** Makes the server known for `PRESENCE_MS`, in place of what it said before; at most 1,000 tasks. */
  announce(server: ServerRecord): Promise<void>;
  /** It is gone. */
  withdraw(server: Pick<ServerRecord, 'id' | 'host' | 'pid'>): Promise<void>;
  /** Servers known now, at most 1,000, in no order. */
  servers(): Promise<ServerRecord[]>;
}
