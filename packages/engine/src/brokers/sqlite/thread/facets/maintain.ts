// The work of the recoverer, the forwarder and the janitor, in bounded steps: expired leases back to pending, due tasks to
// pending, expired tasks removed. Runs in the writer thread; its calls come from main/facets/maintain.ts.
import {
  countLoss,
  nextScan,
  NO_SCAN_YET,
  poisonText,
  type PoisonLimits,
  type ScanMemory,
} from '@task-center/model';
import { MAX_BATCH } from '../../../../broker/bounds.ts';
import type { Recovered, RecoverStep, Step, Surveyed } from '../../../../broker/maintain.ts';
import { encodeAttempt } from '../../../../task/attempt-record.ts';
import { plain, type Packet } from '../../packing.ts';
import { HAS_ATTEMPTS, HAS_BODY, HAS_LOG } from '../../rows.ts';
import {
  ACTIVE,
  ARCHIVED,
  CANCELLED,
  COMPLETED,
  IN_SET,
  PENDING,
  RETRY,
  SCHEDULED,
  type StateNumber,
} from '../../states.ts';
import type { Ending } from '../after-finish.ts';
import type { QueueEntry } from '../queue-registry.ts';
import type { Now, Store } from '../store.ts';

/** Asks to take back tasks whose leases have expired. */
export interface RecoverRequest {
  readonly steps: readonly RecoverStep[];
  /** After which losses a task is archived as poison. */
  readonly limits: PoisonLimits;
}

/** Of one step. */
type RecoveredTasks = Pick<Recovered, 'recovered' | 'archived'>;

export interface ForwardAnswer {
  /** When the steps ran, wall-clock ms. The main thread computes from it how long it is until the next due task. */
  readonly nowMs: number;
  /** One per step. */
  readonly outcomes: readonly ForwardedTasks[];
}

/** What a step of the forwarder did in its queue. */
interface ForwardedTasks {
  readonly moved: number;
  /** How long the earliest of them had been due; 0 = none was moved. */
  readonly lateMs: number;
  /** Wall-clock ms; null = nothing is scheduled. */
  readonly nextDueMs: number | null;
}

const clampLimit = (limit: number): number => Math.max(0, Math.min(limit, MAX_BATCH));

export interface Recovery {
  readonly entry: QueueEntry;
  /** Leases that ended at this time or before are taken back; ms of the monotonic clock. */
  readonly untilMs: number;
  readonly limit: number;
  /** After which losses a task is archived as poison. */
  readonly limits: PoisonLimits;
}

/** A task whose lease has expired. */
interface LostRow {
  readonly seq: number;
  readonly attempts: number;
  readonly losses: number;
  /** In a row, while it ran alone. */
  readonly crashes: number;
  readonly isAlone: 0 | 1;
  readonly startedMs: number;
  readonly worker: string | null;
  /** 1 = somebody has asked to cancel the task. */
  readonly isCancelling: 0 | 1;
}

/** The record of an attempt that was lost with its worker. */
const lostRecord = ({ attempts, startedMs, worker }: LostRow, nowMs: number): string =>
  encodeAttempt({
    number: attempts,
    startedMs,
    finishedMs: nowMs,
    outcome: 'lost',
    ...(worker === null ? {} : { worker }),
  });

/**
 * Makes the function that takes back the tasks of a queue whose leases have expired, the oldest lease first. They go to
 * the front of the pending tasks, those that ran alone first: each runs alone again before others start that it may take along.
 */
export function createLostTaskRecoverer(store: Store): (recovery: Recovery, nowMs: number) => RecoveredTasks {
  const { database, sequence, tasks, afterFinish } = store;
  const lostTasks = database.named<{ queue: number; untilMs: number; limit: number }, LostRow>(`
    SELECT seq, attempts, crashes AS losses, alone_crashes AS crashes, is_alone AS isAlone, started_ms AS startedMs, worker,
      cancel IS NOT NULL AS isCancelling
    FROM task WHERE queue = :queue AND state = ${ACTIVE} AND at <= :untilMs ORDER BY at, seq LIMIT :limit + 0`);

  return ({ entry, untilMs, limit, limits }, nowMs) => {
    const rows = lostTasks.all({ queue: entry.number, untilMs, limit }).sort((a, b) => b.isAlone - a.isAlone);
    const firstOrder = sequence.reserveFront(rows.length);
    const endings = rows.map((row, index): Ending => {
      const task = { entry, seq: row.seq, state: ACTIVE, nowMs } as const;
      const attempt = { number: row.attempts, record: lostRecord(row, nowMs), result: null };
      const lost = { entry, seq: row.seq, mayHaveLock: true } as const;
      if (row.isCancelling === 1) {
        tasks.cancelLost(task);
        return { ...lost, state: CANCELLED, attempt: { ...attempt, countedAs: 'cancelledRunning' } };
      }
      const loss = countLoss(row, row.isAlone === 1, limits);
      const { losses, crashes, isPoison } = loss;
      if (isPoison) tasks.archivePoison({ ...task, losses, crashes, error: poisonText(loss) });
      else tasks.recover({ ...task, losses, crashes, order: firstOrder + index });
      const state = isPoison ? ARCHIVED : PENDING;
      return { ...lost, state, attempt: { ...attempt, countedAs: isPoison ? 'failed' : 'recovered' } };
    });
    afterFinish(endings, nowMs);
    const countOf = (state: StateNumber) => endings.filter((ending) => ending.state === state).length;
    return { recovered: countOf(PENDING), archived: countOf(ARCHIVED) };
  };
}

/** The first tasks of two states, in the order of their `at`. Why `+ 0`: `SELECT_FIRST` in consume.ts. */
const selectUntil = (columns: string, states: readonly [StateNumber, StateNumber]): string => {
  const ofState = (state: StateNumber) =>
    `SELECT at, seq, ${columns} FROM task WHERE queue = :queue AND state = ${state} AND at <= :nowMs`;
  return `${states.map(ofState).join(' UNION ALL ')} ORDER BY 1, 2 LIMIT :limit + 0`;
};

interface UntilParams {
  readonly queue: number;
  readonly nowMs: number;
  readonly limit: number;
}

/** Makes the function that moves due tasks to pending or into their group, the earliest first. */
function createDueTaskForwarder({ database, sequence, tasks }: Store) {
  const dueTasks = database.named<
    UntilParams,
    { at: number; seq: number; state: StateNumber; isGrouped: number }
  >(selectUntil('state, in_group IS NOT NULL AS isGrouped', [SCHEDULED, RETRY]));
  const nextDue = database.named<{ queue: number }, { dueMs: number | null }>(`
    SELECT min(at) AS dueMs FROM (SELECT min(at) AS at FROM task WHERE queue = :queue AND state = ${SCHEDULED}
    UNION ALL SELECT min(at) FROM task WHERE queue = :queue AND state = ${RETRY})`);

  return (entry: QueueEntry, limit: number, nowMs: number): ForwardedTasks => {
    const queue = entry.number;
    const rows = dueTasks.all({ queue, nowMs, limit });
    for (const { seq, state, isGrouped } of rows) {
      if (isGrouped === 1) tasks.forwardToGroup({ entry, seq, state, nowMs });
      else tasks.forward({ entry, seq, state, order: sequence.next(), nowMs });
    }
    const lateMs = Math.max(0, nowMs - (rows[0]?.at ?? nowMs));
    return { moved: rows.length, lateMs, nextDueMs: nextDue.get({ queue })?.dueMs ?? null };
  };
}

/** Requests that say what queues need. The counts in memory answer for most queues, without a query. */
function createSurveyHandlers({ database, queues }: Store) {
  const minOf = (state: StateNumber) =>
    `(SELECT min(at) FROM task WHERE queue = :queue AND state = ${state})`;
  const firstOf = (state: StateNumber, other: StateNumber) =>
    database.named<{ queue: number }, { first: number | null; second: number | null }>(
      `SELECT ${minOf(state)} AS first, ${minOf(other)} AS second`,
    );
  const nextDue = firstOf(SCHEDULED, RETRY);
  const nextExpiry = firstOf(COMPLETED, CANCELLED);
  const earliest = (query: typeof nextDue, entry: QueueEntry): number | null => {
    const { first = null, second = null } = query.get({ queue: entry.number }) ?? {};
    return first === null || second === null ? (first ?? second) : Math.min(first, second);
  };
  const has = (entry: QueueEntry | undefined, ...states: StateNumber[]): entry is QueueEntry =>
    states.some((state) => (entry?.counts[state] ?? 0) > 0);

  function surveyed(name: string, { wallMs, monotonicMs: atMs }: Now): Surveyed {
    const entry = queues.find(name);
    const nextDueMs = has(entry, SCHEDULED, RETRY) ? earliest(nextDue, entry) : null;
    const nextInMs = nextDueMs === null ? null : Math.max(0, nextDueMs - wallMs);
    return { atMs, isLeased: has(entry, ACTIVE), nextDueMs, nextInMs, isUntidy: false };
  }

  /** Whether the janitor must look at it. Sets are few: it looks itself whether their time is over. */
  function isUntidy(name: string, { wallMs }: Now): boolean {
    const entry = queues.find(name);
    if (has(entry, IN_SET)) return true;
    const expiryMs = has(entry, COMPLETED, CANCELLED) ? earliest(nextExpiry, entry) : null;
    return expiryMs !== null && expiryMs <= wallMs;
  }

  return {
    survey: ({ data }: Packet<readonly string[]>, now: Now): Packet<Surveyed[]> =>
      plain(data.map((name) => surveyed(name, now))),

    findUntidy: ({ data }: Packet<readonly string[]>, now: Now): Packet<string[]> =>
      plain(data.filter((name) => isUntidy(name, now))),
  };
}

/** Makes the function that removes completed and cancelled tasks whose retention is over. Their locks are released already. */
function createExpiredTaskRemover({ database, tasks, afterFinish }: Store) {
  const expiredTasks = database.named<UntilParams, { seq: number; state: StateNumber }>(
    selectUntil('state', [COMPLETED, CANCELLED]),
  );

  return (entry: QueueEntry, limit: number, nowMs: number): number => {
    const rows = expiredTasks.all({ queue: entry.number, nowMs, limit });
    const endings = rows.map(({ seq, state }): Ending => {
      tasks.remove({ entry, seq, state }, HAS_BODY | HAS_ATTEMPTS | HAS_LOG);
      return { entry, seq, state: null, mayHaveLock: false, attempt: null };
    });
    afterFinish(endings, nowMs);
    return rows.length;
  };
}

/** The file is shrunk when it has at least this many free pages, and they are at least a quarter of it. */
const MIN_FREE_PAGES = 4_096;
/** Pages returned to the disk in one step, which bounds its time. */
const SHRINK_PAGES = 1_024;

/** Makes the function that shrinks the file by one step. */
function createShrinker({ database }: Store): () => void {
  const freePages = database.prepare('PRAGMA freelist_count');
  const allPages = database.prepare('PRAGMA page_count');
  return () => {
    const free = Number(freePages.get()?.[0]);
    if (free < MIN_FREE_PAGES || free * 4 < Number(allPages.get()?.[0])) return;
    database.exec(`PRAGMA incremental_vacuum(${SHRINK_PAGES})`);
  };
}

/**
 * Makes the function that records a scan of a queue. True = nothing may be taken back in this scan: the process may have
 * been stopped, and its live workers must be able to renew their leases first.
 */
function createHoldOff(): (entry: QueueEntry, nowMs: number, idleAtMs?: number) => boolean {
  const scans = new Map<QueueEntry, ScanMemory>();
  return (entry, nowMs, idleAtMs) => {
    const { isHeldOff, memory } = nextScan(scans.get(entry) ?? NO_SCAN_YET, nowMs, idleAtMs);
    scans.set(entry, memory);
    return isHeldOff;
  };
}

export function createMaintainHandlers(store: Store) {
  const { queues, counters, locks, fires } = store;
  const recover = createLostTaskRecoverer(store);
  const forward = createDueTaskForwarder(store);
  const expire = createExpiredTaskRemover(store);
  const shrink = createShrinker(store);
  const holdOff = createHoldOff();

  return {
    ...createSurveyHandlers(store),

    /** Per step: how many tasks are pending again, and how many were archived. */
    recover({ data }: Packet<RecoverRequest>, now: Now): Packet<RecoveredTasks[]> {
      const untilMs = Math.floor(now.monotonicMs);
      const recoverStep = ({ queue, limit, idleAtMs }: RecoverStep): RecoveredTasks => {
        const entry = queues.find(queue);
        if (!entry || holdOff(entry, untilMs, idleAtMs) || entry.counts[ACTIVE] === 0)
          return { recovered: 0, archived: 0 };
        const recovery = { entry, untilMs, limit: clampLimit(limit), limits: data.limits };
        return recover(recovery, now.wallMs);
      };
      return plain(data.steps.map(recoverStep));
    },

    /** Per step: how many tasks were moved, and when the next one is due. */
    forward({ data }: Packet<readonly Step[]>, { wallMs }: Now): Packet<ForwardAnswer> {
      const outcomes = data.map(({ queue, limit }): ForwardedTasks => {
        const entry = queues.find(queue);
        return entry ? forward(entry, clampLimit(limit), wallMs) : { moved: 0, lateMs: 0, nextDueMs: null };
      });
      return plain({ nowMs: wallMs, outcomes });
    },

    /** Also removes expired counters, locks and fires, and shrinks the file, by one step each. */
    expire({ data }: Packet<readonly Step[]>, { wallMs }: Now): Packet<number[]> {
      const outcomes = data.map(({ queue, limit }) => {
        const entry = queues.find(queue);
        return entry ? expire(entry, clampLimit(limit), wallMs) : 0;
      });
      counters.expire(wallMs);
      locks.expire(wallMs, MAX_BATCH);
      fires.expire(wallMs, MAX_BATCH);
      shrink();
      return plain(outcomes);
    },
  };
}
