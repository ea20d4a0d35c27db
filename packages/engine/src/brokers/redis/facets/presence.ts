// The presence facet on Redis: which workers are alive and what they run, stored in the form of Asynq's servers. So
// Asynq's tools show our workers, and ours show those of Go programs.
import { PRESENCE_MS, type Presence, type RunningTask, type ServerRecord } from '../../../broker/presence.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import { msOf, SECOND_MS, timestampOf } from '../../../protocol/go-time.ts';
import {
  serverInfoKey,
  SERVERS_KEY,
  workersKey,
  workersKeyFor,
  WORKERS_KEY,
  type ServerName,
} from '../../../protocol/keys.ts';
import {
  decodeServerInfo,
  decodeWorkerInfo,
  encodeServerInfo,
  encodeWorkerInfo,
} from '../../../protocol/server-info.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { decodedOrNull } from '../records/stored-message.ts';
import {
  presenceIndex,
  presenceList,
  presenceRead,
  type PresenceReadReply,
  presenceWrite,
} from '../scripts/presence/table.ts';
import { callChunks } from '../calls/batches.ts';

/** How long an announcement is valid. */
const SECONDS = PRESENCE_MS / SECOND_MS;
/** Tasks read of one server. A foreign server may have written any number. */
const MAX_TASKS_PER_SERVER = 10_000;

/** A field of a server's workers hash: the task's ID and an encoded WorkerInfo. */
type TaskEntry = readonly [id: string, info: Buffer];

/** The parts that a server's keys are built from. */
const nameOf = ({ id, host, pid }: Pick<ServerRecord, 'id' | 'host' | 'pid'>): ServerName => ({
  host,
  pid,
  serverId: id,
});

/** Encodes Asynq's ServerInfo. */
function serverInfo(server: ServerRecord): Buffer {
  const { concurrency, queues, strict, status, startedMs, running } = server;
  return encodeServerInfo({
    ...nameOf(server),
    concurrency,
    queues,
    strictPriority: strict,
    status,
    startTime: timestampOf(startedMs),
    activeWorkerCount: running,
  });
}

/** Encodes a running task for the server's workers hash. */
function entryOf(server: ServerName, task: RunningTask): TaskEntry {
  const info = encodeWorkerInfo({
    ...server,
    taskId: task.id,
    taskType: task.type,
    taskPayload: task.payload,
    queue: task.queue,
    startTime: timestampOf(task.startedMs),
    deadline: timestampOf(task.deadlineMs),
  });
  return [task.id, info];
}

/** Decodes a running task; null for invalid bytes. */
function runningTask(bytes: Buffer): RunningTask | null {
  const info = decodedOrNull(decodeWorkerInfo, bytes);
  return (
    info && {
      queue: info.queue,
      id: info.taskId,
      type: info.taskType,
      payload: info.taskPayload,
      startedMs: msOf(info.startTime),
      deadlineMs: msOf(info.deadline),
    }
  );
}

/** Decodes a server's info; null for invalid bytes. */
function serverRecord(bytes: Buffer, tasks: readonly RunningTask[]): ServerRecord | null {
  const info = decodedOrNull(decodeServerInfo, bytes);
  if (!info) return null;
  const { serverId: id, host, pid, concurrency, queues, strictPriority: strict, status } = info;
  const startedMs = msOf(info.startTime);
  const known = { id, host, pid, concurrency, queues, strict, status, startedMs };
  return { ...known, running: info.activeWorkerCount, tasks };
}

/** Reads a server and its tasks, in pages; null if it has expired or cannot be read. */
async function readServer(client: RedisClient, serverKey: string): Promise<ServerRecord | null> {
  const tasksKey = workersKeyFor(serverKey);
  // Asynq would not make such a name.
  if (tasksKey === null) return null;
  const tasks = new Map<string, RunningTask>();
  let page: PresenceReadReply;
  let cursor = '0';
  do {
    page = await client.run(presenceRead, { serverKey, workersKey: tasksKey, cursor });
    for (const bytes of page.workers) {
      const task = runningTask(bytes);
      if (task) tasks.set(task.id, task);
    }
    cursor = page.cursor;
  } while (cursor !== '0' && tasks.size < MAX_TASKS_PER_SERVER);
  const sorted = [...tasks.values()].sort((a, b) => (a.startedMs ?? 0) - (b.startedMs ?? 0));
  return page.info && serverRecord(page.info, sorted);
}

/** Reads a server alone; null as above. */
async function readInfo(client: RedisClient, serverKey: string): Promise<ServerRecord | null> {
  const info = await client.command(['GET', serverKey]).catch((error: unknown) => {
    // Another program has put something else there.
    if (isTaskCenterError(error, 'broker-refused')) return null;
    throw error;
  });
  return info instanceof Uint8Array ? serverRecord(info as Buffer, []) : null;
}

/** The list of running servers and their tasks, shared with Asynq. */
export function createPresence({ client }: RedisDeps): Presence {
  return {
    /**
     * Writes what Asynq's heartbeat writes; scores are by Redis' clock, as the servers' clocks may differ. The calls go out
     * together and in order. Tasks beyond the first call's limit follow in calls of their own.
     */
    async announce(record) {
      const server = nameOf(record);
      const entries = record.tasks.map((task) => entryOf(server, task));
      const [first = [], ...more] = callChunks(entries, ([, info]) => info.length);
      const markAlive = (set: string, key: string) =>
        client.run(presenceIndex, { set, seconds: SECONDS, key });
      const write = (info: Buffer | null, tasks: readonly TaskEntry[]) =>
        client.run(presenceWrite, { server, seconds: SECONDS, info, tasks });
      await Promise.all([
        markAlive(SERVERS_KEY, serverInfoKey(server)),
        markAlive(WORKERS_KEY, workersKey(server)),
        write(serverInfo(record), first),
        ...more.map((tasks) => write(null, tasks)),
      ]);
    },

    /** Removes everything that `announce` writes, when a server stops. */
    async withdraw(record) {
      const server = nameOf(record);
      const keys = [serverInfoKey(server), workersKey(server)] as const;
      await Promise.all([
        client.command(['ZREM', SERVERS_KEY, keys[0]]),
        client.command(['ZREM', WORKERS_KEY, keys[1]]),
        client.command(['DEL', ...keys]),
      ]);
    },

    /** Lists both sets, as listing removes expired members; only the first is needed to find the servers. */
    async servers({ withTasks = true } = {}) {
      const [keys] = await Promise.all([
        client.run(presenceList, SERVERS_KEY),
        client.run(presenceList, WORKERS_KEY),
      ]);
      const found = await Promise.all(
        keys.map((key) => (withTasks ? readServer(client, key) : readInfo(client, key))),
      );
      return found.filter((server) => server !== null);
    },
  };
}
