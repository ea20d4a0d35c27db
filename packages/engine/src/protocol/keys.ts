import { createHash } from 'node:crypto';

/**
 * The names of all keys in Redis. `queue` is the stored name of a queue, `id` the stored ID of a task. Queue names are hash
 * tags, so all keys of a queue are on one node of a cluster and scripts can use them together. Names and types are documented
 * in docs/design/protocol.md#naming and docs/design/data-model.md#redis.
 */

const asynqKey = (queue: string, name: string): string => `asynq:{${queue}}:${name}`;
const ownKey = (queue: string, name: string): string => `tc:{${queue}}:${name}`;

// Asynq's global keys.

/** SET of queue names. */
export const QUEUES_KEY = 'asynq:queues';
/** ZSET of server info keys by expiry, s. */
export const SERVERS_KEY = 'asynq:servers';
/** ZSET of workers keys by expiry, s. */
export const WORKERS_KEY = 'asynq:workers';
/** ZSET of scheduler entries keys by expiry, s. */
export const SCHEDULERS_KEY = 'asynq:schedulers';
/** ZSET of the stored IDs of tasks that hold a token of Asynq's x/rate, by the end of their time, s. */
export const semaphoreKey = (scope: string): string => `asynq:sema:${scope}`;
/** Pub/Sub channel; a message is a bare task ID. */
export const CANCEL_CHANNEL = 'asynq:cancel';

const SERVER_PREFIX = 'asynq:servers:';
const WORKERS_PREFIX = 'asynq:workers:';
/** STRING, protobuf ServerInfo. */
export const serverInfoKey = (server: ServerName): string => SERVER_PREFIX + serverTag(server);
/** HASH, task ID → protobuf WorkerInfo. */
export const workersKey = (server: ServerName): string => WORKERS_PREFIX + serverTag(server);
/** The workers key of the server with this server info key; null for a name that Asynq would not make. */
export const workersKeyFor = (key: string): string | null =>
  key.startsWith(SERVER_PREFIX) ? WORKERS_PREFIX + key.slice(SERVER_PREFIX.length) : null;
const SCHEDULER_PREFIX = 'asynq:schedulers:';
/** LIST of protobuf SchedulerEntry. */
export const schedulerEntriesKey = (schedulerId: string): string => `${SCHEDULER_PREFIX}{${schedulerId}}`;
/** Whether the key has the form of a scheduler's entries key. */
export const isSchedulerEntriesKey = (key: string): boolean => key.startsWith(SCHEDULER_PREFIX);
/** The name of the scheduler whose entries are schedules that the broker keeps: the same for all processes. */
export const SCHEDULE_VIEW = 'task-center:schedules';
/** Of UUIDs that are made of the names of schedules. They are stored in other people's notes: never change it. */
const SCHEDULE_NAMESPACE = Buffer.from('5b0e6f8a3c1d4f6e9a4d2c7b8e1f0a36', 'hex');

/** The ID under which Go's tools know a schedule: a UUID of version 5 (RFC 9562, section 5.5), always the same for its stored name. */
export function scheduleEntryId(name: string): string {
  const bytes = createHash('sha1').update(SCHEDULE_NAMESPACE).update(name).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x50;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** ZSET of protobuf SchedulerEnqueueEvent by time, s. */
export const schedulerHistoryKey = (entryId: string): string => `asynq:scheduler_history:${entryId}`;

/** What names an Asynq server in its keys. */
export interface ServerName {
  readonly host: string;
  readonly pid: number;
  readonly serverId: string;
}

const serverTag = ({ host, pid, serverId }: ServerName): string => `{${host}:${pid}:${serverId}}`;

// Asynq's keys of a queue.

/** LIST of IDs; the next to run is at the right. */
export const pendingKey = (queue: string): string => asynqKey(queue, 'pending');
/** LIST of IDs; the newest is at the left. */
export const activeKey = (queue: string): string => asynqKey(queue, 'active');
/** ZSET of active IDs by expiry of their leases, s; the fraction of a score is our lease token, 0 = Go's. */
export const leaseKey = (queue: string): string => asynqKey(queue, 'lease');
/** ZSET of IDs by start, s. */
export const scheduledKey = (queue: string): string => asynqKey(queue, 'scheduled');
/** ZSET of IDs by start of the retry, s. */
export const retryKey = (queue: string): string => asynqKey(queue, 'retry');
/** ZSET of IDs by the time at which they were archived, s. */
export const archivedKey = (queue: string): string => asynqKey(queue, 'archived');
/** ZSET of IDs by expiry, s. */
export const completedKey = (queue: string): string => asynqKey(queue, 'completed');
/** STRING; the queue is paused if it exists. */
export const pausedKey = (queue: string): string => asynqKey(queue, 'paused');
/** Prefix of tasks' keys; the ID follows. */
export const taskKeyPrefix = (queue: string): string => asynqKey(queue, 't:');
/** HASH of a task; its fields are in docs/design/protocol.md#the-task-hash. */
export const taskKey = (queue: string, id: string): string => asynqKey(queue, `t:${id}`);
/** STRING, number of attempts that ended, in total. */
export const processedKey = (queue: string): string => asynqKey(queue, 'processed');
/** STRING, number of failed attempts, in total. */
export const failedKey = (queue: string): string => asynqKey(queue, 'failed');
/** STRING, number of attempts that ended on a UTC day, such as `2026-05-14`. */
export const processedOnKey = (queue: string, day: string): string => asynqKey(queue, `processed:${day}`);
/** STRING, number of attempts that failed on a UTC day, such as `2026-05-14`. */
export const failedOnKey = (queue: string, day: string): string => asynqKey(queue, `failed:${day}`);
/** Prefix of unique locks' keys; type and suffix follow. */
export const uniqueKeyPrefix = (queue: string): string => asynqKey(queue, 'unique:');

/** What makes two tasks the same for a unique lock. */
export interface UniqueTask {
  readonly queue: string;
  readonly type: string;
  /** Null = no payload, which gets another lock key than an empty payload. */
  readonly payload: Uint8Array | null;
  /** Each business has locks of its own. */
  readonly business?: string | null;
}

/**
 * The lock's key, in Asynq's format. The client computes it on enqueue and stores it in the message. It could not be computed
 * from a stored message, which does not distinguish an empty payload from none.
 */
export function uniqueKey({ queue, type, payload, business = null }: UniqueTask): string {
  const suffix = payload === null ? '' : createHash('md5').update(payload).digest('hex');
  // Go's keys end with a colon or a digit of the hash, so they never equal a key with a business.
  const owner = business === null ? '' : `:${business}.`;
  return `${uniqueKeyPrefix(queue)}${type}:${suffix}${owner}`;
}

/** SET of the names of groups that have tasks. */
export const groupsKey = (queue: string): string => asynqKey(queue, 'groups');
/** Prefix of groups' keys; the name follows. */
export const groupKeyPrefix = (queue: string): string => asynqKey(queue, 'g:');
/** ZSET of IDs that wait in a group, by the time at which they joined it, s. */
export const groupKey = (queue: string, group: string): string => asynqKey(queue, `g:${group}`);
/** ZSET of IDs that are being aggregated, an aggregation set; scores as in the group. */
export const aggregationSetKey = (queue: string, group: string, setId: string): string =>
  asynqKey(queue, `g:${group}:${setId}`);
/** ZSET of the keys of aggregation sets by deadline, s. */
export const aggregationSetsKey = (queue: string): string => asynqKey(queue, 'aggregation_sets');

// Our own keys.

/** INT, counter of lease tokens. */
export const tokenKey = (queue: string): string => ownKey(queue, 'tok');
/** HASH, slot → sequence and outcome of a client's last call in it. */
export const receiptsKey = (queue: string, client: string): string => ownKey(queue, `rc:${client}`);
/**
 * ZSET of IDs in a state that Asynq does not have. `cancelled`: they are also in `completed`, with the same score.
 * `cancelling`: their cancellation was asked for while they ran; by the time at which the janitor last looked at them, s.
 */
export const ownStateKey = (queue: string, state: 'cancelled' | 'cancelling'): string =>
  ownKey(queue, `st:${state}`);
/** HASH of what periodic scripts remember: the recoverer's last scan and hold-off, the cursors of repair and sweep. */
export const scanKey = (queue: string): string => ownKey(queue, 'scan');
/** ZSET of what was missing once, by the time, s: IDs of active tasks without a lease, keys of locks without a task. */
export const doubtsKey = (queue: string): string => ownKey(queue, 'doubts');
/** HASH of counters of anomalies: IDs `dropped`, unreadable tasks `archived`, keys renamed (`aside`). */
export const anomaliesKey = (queue: string): string => ownKey(queue, 'odd');
/** HASH of counters of what happened in the queue. */
export const totalsKey = (queue: string): string => ownKey(queue, 'n');
/** Prefix of renamed keys, which had a wrong type; the name and the time in s follow. */
export const renamedKeyPrefix = (queue: string): string => ownKey(queue, 'aside:');
/** HASH of a queue's settings. */
export const configKey = (queue: string): string => ownKey(queue, 'cfg');
/** ZSET of the IDs in scheduled and retry by exact start, ms; Asynq's own scores are whole seconds. */
export const dueKey = (queue: string): string => ownKey(queue, 'due');
/** STRING that exists for a moment when a worker announces a backlog (ADR 11). */
export const backlogKey = (queue: string): string => ownKey(queue, 'backlog');
/** SET of the businesses that have ever had a task in the queue. */
export const businessesKey = (queue: string): string => ownKey(queue, 'biz');
/** HASH, name of a schedule → `<claim>;<ms>;<queue>`: where it is, and when which call entered it. */
export const SCHEDULES_KEY = 'tc:schedules';
/** HASH, name of a schedule → its revision and what people filter by. */
export const schedulesKey = (queue: string): string => ownKey(queue, 'sch');
/** ZSET of the names of schedules by the time at which they must be looked at, ms. */
export const nextLooksKey = (queue: string): string => ownKey(queue, 'next');
/** HASH, ID → document as JSON. */
export const documentsKey = (kind: string): string => `tc:doc:${kind}`;
/** HASH of a claim: its holder, its end and its last token. The name is the hash tag, with `lead:` in front. */
export const leadKey = (name: string): string => `tc:{lead:${name}}`;
/** The keys of the history share one slot: one script writes them together. No queue has this name. */
const historyKey = (name: string): string => `tc:{metrics:history}:${name}`;
/** HASH: where the history stands. */
export const HISTORY_STATE_KEY = historyKey('state');
/** HASH, stored queue → what the history last knew of it. */
export const HISTORY_BASELINES_KEY = historyKey('baselines');
/** HASH, process → what it has counted in this minute. */
export const historyReportsKey = (minute: number): string => historyKey(`reports:${minute}`);
/** HASH, minute or hour → page; of one hour (`group`) of minutes, or one day of hours. */
export const historyPagesKey = (by: string, step: string, group: number): string =>
  historyKey(`${by}:${step}:${group}`);
/** HASH with the schema version and the installation ID. */
export const META_KEY = 'tc:meta';
