import type { Lifetime } from '../runtime/lifetime.ts';
import type { Log } from '../runtime/log.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Backup } from './backup.ts';
import type { Check } from './check.ts';
import type { Claims } from './claims.ts';
import type { ClusterView } from './cluster.ts';
import type { Consume } from './consume.ts';
import type { Control } from './control.ts';
import type { Documents } from './documents.ts';
import type { Findings } from './findings.ts';
import type { Groups } from './groups.ts';
import type { History } from './history.ts';
import type { LeaseRenewal } from './lease-renewal.ts';
import type { Inspect } from './inspect.ts';
import type { Maintain } from './maintain.ts';
import type { Presence } from './presence.ts';
import type { Semaphores } from './semaphores.ts';
import type { ScheduleStore } from './schedules.ts';
import type { ScheduleView } from './schedule-view.ts';
import type { SchedulerEntries } from './scheduler-entries.ts';
import type { Signals } from './signals.ts';
import type { Submit } from './submit.ts';

/**
 * A store of tasks, as the rest of the engine uses it. It is divided into facets by who calls them; README.md lists them.
 *
 * - Calls on tasks take arrays and return one outcome per item, in the same order. A bad item fails alone. One round trip
 *   for many items is what makes a broker fast: docs/design/engine.md#batches.
 * - A broker decides by its own clock, never by the caller's. The caller's clock may be wrong.
 * - Queues are *stored* queues: `orders` for handlers, `orders~cb` for callbacks. Task IDs are stored IDs: the plain ID,
 *   with the business in front if the task has one.
 * - Each call may reject with the `TaskCenterError`s `broker-unavailable` (within 5 s, unless its options say otherwise),
 *   `broker-full`, `broker-refused` and `broker-closed`.
 */
export interface Broker {
  /** The broker's URL without its password, for messages and logs. */
  readonly name: string;
  /** Where those log who are given this broker and no log of their own. */
  readonly log: Log;
  /**
   * Clock, random numbers, IDs and events of those who are given this broker and none of their own. What is left out: those of
   * the system, and events of their own.
   */
  readonly runtime?: Partial<Runtime>;
  readonly submit: Submit;
  readonly consume: Consume;
  /** Null = the broker has no thread for it, and workers renew their leases on their own. */
  readonly leaseRenewal: LeaseRenewal | null;
  readonly maintain: Maintain;
  readonly check: Check;
  readonly control: Control;
  readonly groups: Groups;
  readonly inspect: Inspect;
  readonly presence: Presence;
  readonly schedulerEntries: SchedulerEntries;
  readonly schedules: ScheduleStore;
  /** Null = no tool of Go reads this broker. */
  readonly scheduleView: ScheduleView | null;
  readonly documents: Documents;
  readonly semaphores: Semaphores;
  readonly claims: Claims;
  readonly history: History;
  /** False = nobody writes its history: the broker for tests, whose clock jumps over days. */
  readonly keepsHistory?: boolean;
  readonly signals: Signals;
  readonly findings: Findings;
  /** What runs on the broker is added here when it starts, and `close` stops it. */
  readonly lifetime: Lifetime;
  /** Null = the broker is not a cluster. */
  readonly cluster: ClusterView | null;
  /** Null = the broker cannot be copied from here. */
  readonly backup: Backup | null;
  /**
   * 32 random bytes that all who use these stored data share, for cursors that callers cannot read. The first call makes
   * them. They are in backups, and must be in no answer and no log.
   */
  cursorKey(): Promise<Uint8Array>;
  /** Resolves when the broker has answered. Rejects as any call does. */
  ping(): Promise<void>;
  /**
   * Resolves when the broker would take a new task now: it is in reach, takes writes and has room. Of a cluster: when at least one
   * master would. It leaves nothing behind, and is one call of the broker. Unlike any other call it is not repeated: it
   * rejects with what the first answer says, or after 2 s with `broker-unavailable`. A caller asks again when it likes.
   */
  checkWritable(): Promise<void>;
  /**
   * Stops what runs on the broker, as its own `stop` does: workers, schedulers, managers of periodic tasks, maintenance. Then
   * waits for calls under way, up to 5 s (1 s while the broker is out of reach), and ends all connections and threads.
   * Later calls are rejected with `broker-closed`, and so is what is not over by then. May be called twice, and in any order
   * with the `stop` of others.
   */
  close(): Promise<void>;
}
