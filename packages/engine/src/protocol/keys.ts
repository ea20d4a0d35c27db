/** Every name in Redis is made here. `queue` is a stored queue, `id` a stored ID. */

const inQueue = (queue: string, rest: string): string => `asynq:{${queue}}:${rest}`;
const ours = (queue: string, rest: string): string => `tc:{${queue}}:${rest}`;

// Asynq's keys (protocol 1.2).

/** SET of queue names. */
export const QUEUES_KEY = 'asynq:queues';
/** ZSET of server info keys, by expiry in s. */
export const SERVERS_KEY = 'asynq:servers';
/** ZSET of workers keys, by expiry in s. */
export const WORKERS_KEY = 'asynq:workers';
/** ZSET of scheduler entries keys, by expiry in s. */
export const SCHEDULERS_KEY = 'asynq:schedulers';
/** ZSET of stored task IDs that hold a token of Asynq's x/rate, by the end of their time in s. */
export const semaphoreKey = (scope: string): string => `asynq:sema:${scope}`;
/** Pub/Sub channel; a message is a bare task ID. */
export const CANCEL_CHANNEL = 'asynq:cancel';

const SERVER_PREFIX = 'asynq:servers:';
const WORKERS_PREFIX = 'asynq:workers:';
/** STRING, protobuf ServerInfo. */
export const serverInfoKey = (server: ServerName): string => SERVER_PREFIX + serverTag(server);
/** HASH, task ID → protobuf WorkerInfo. */
export const workersKey = (server: ServerName): string => WORKERS_PREFIX + serverTag(server);
/** The workers key of the server with this server info key; null for a name of another form. */
export const workersKeyBeside = (key: string): string | null =>
  key.startsWith(SERVER_PREFIX) ? WORKERS_PREFIX + key.slice(SERVER_PREFIX.length) : null;
const SCHEDULER_PREFIX = 'asynq:schedulers:';
/** LIST of protobuf SchedulerEntry. */
export const schedulerEntriesKey = (schedulerId: string): string => `${SCHEDULER_PREFIX}{${schedulerId}}`;
/** Whether a scheduler's list may have this name. */
export const isSchedulerEntriesKey = (key: string): boolean => key.startsWith(SCHEDULER_PREFIX);
/** ZSET of protobuf SchedulerEnqueueEvent, by time in s. */
export const schedulerHistoryKey = (entryId: string): string => `asynq:scheduler_history:${entryId}`;

/** An Asynq server, for its keys. */
export interface ServerName {
  readonly host: string;
  readonly pid: number;
  readonly serverId: string;
}

const serverTag = ({ host, pid, serverId }: ServerName): string => `{${host}:${pid}:${serverId}}`;

// Asynq's keys of a queue (protocol 1.3).

/** LIST of IDs, next to run at the right. */
export const pendingKey = (queue: string): string => inQueue(queue, 'pending');
/** LIST of IDs, newest at the left. */
export const activeKey = (queue: string): string => inQueue(queue, 'active');
/** ZSET of active IDs, by expiry in s; our fraction is the token (design D6). */
export const leaseKey = (queue: string): string => inQueue(queue, 'lease');
/** ZSET of IDs, by start in s. */
export const scheduledKey = (queue: string): string => inQueue(queue, 'scheduled');
/** ZSET of IDs, by start in s. */
export const retryKey = (queue: string): string => inQueue(queue, 'retry');
/** ZSET of IDs, by the time they were archived in s. */
export const archivedKey = (queue: string): string => inQueue(queue, 'archived');
/** ZSET of IDs, by expiry in s. */
export const completedKey = (queue: string): string => inQueue(queue, 'completed');
/** STRING; only its existence matters. */
export const pausedKey = (queue: string): string => inQueue(queue, 'paused');
/** What a task's key begins with; the ID follows. */
export const taskKeyPrefix = (queue: string): string => inQueue(queue, 't:');
/** HASH of a task (protocol 1.4). */
export const taskKey = (queue: string, id: string): string => inQueue(queue, `t:${id}`);
/** STRING, attempts that ended, ever. */
export const processedKey = (queue: string): string => inQueue(queue, 'processed');
/** STRING, failed attempts, ever. */
export const failedKey = (queue: string): string => inQueue(queue, 'failed');
/** The same of one UTC day, `2026-05-14`. */
export const processedOnKey = (queue: string, day: string): string => inQueue(queue, `processed:${day}`);
/** The same of one UTC day, `2026-05-14`. */
export const failedOnKey = (queue: string, day: string): string => inQueue(queue, `failed:${day}`);
/** What a unique lock's key begins with (protocol 1.5); type and suffix follow. */
export const uniqueKeyPrefix = (queue: string): string => inQueue(queue, 'unique:');
/** SET of names of groups with tasks. */
export const groupsKey = (queue: string): string => inQueue(queue, 'groups');
/** What a group's key begins with; its name follows. */
export const groupKeyPrefix = (queue: string): string => inQueue(queue, 'g:');
/** ZSET of IDs that wait in a group, by the time they came in s. */
export const groupKey = (queue: string, group: string): string => inQueue(queue, `g:${group}`);
/** ZSET of IDs that are being aggregated: an aggregation set; it keeps their scores. */
export const aggregationSetKey = (queue: string, group: string, setId: string): string =>
  inQueue(queue, `g:${group}:${setId}`);
/** ZSET of aggregation sets' keys, by deadline in s. */
export const aggregationSetsKey = (queue: string): string => inQueue(queue, 'aggregation_sets');

// Our own keys (data model).

/** INT, source of lease tokens. */
export const tokenKey = (queue: string): string => ours(queue, 'tok');
/** HASH, slot → sequence and outcome of a client's calls. */
export const receiptsKey = (queue: string, client: string): string => ours(queue, `rc:${client}`);
/** ZSET of IDs in a state of ours that shares a set of Asynq's, same score. */
export const ownStateKey = (queue: string, state: 'cancelled'): string => ours(queue, `st:${state}`);
/** HASH of what loops remember: the recoverer's last scan and hold-off, places of repair and sweep. */
export const scanKey = (queue: string): string => ours(queue, 'scan');
/** ZSET of what was missed once, by the time in s: IDs of active tasks without a lease, locks without a task. */
export const doubtsKey = (queue: string): string => ours(queue, 'doubts');
/** HASH of counts of what was met that is no task: `dropped`, `archived`, `aside`. */
export const anomaliesKey = (queue: string): string => ours(queue, 'odd');
/** What a key of a wrong type is renamed to: its name and the time in s follow. */
export const renamedKeyPrefix = (queue: string): string => ours(queue, 'aside:');
/** HASH of a queue's settings. */
export const configKey = (queue: string): string => ours(queue, 'cfg');
/** ZSET of IDs of scheduled and retry, by exact start in ms (design D5). */
export const dueKey = (queue: string): string => ours(queue, 'due');
/** There for a moment when somebody tells of a backlog (ADR 11). */
export const backlogKey = (queue: string): string => ours(queue, 'backlog');
/** SET of businesses that ever had a task in the queue. */
export const businessesKey = (queue: string): string => ours(queue, 'biz');
/** HASH, ID → JSON of a document. */
export const documentsKey = (kind: string): string => `tc:doc:${kind}`;
/** HASH: schema version, installation ID. */
export const META_KEY = 'tc:meta';
