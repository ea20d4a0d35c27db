import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';

/** A task for the Go client, with Asynq's options; times and durations in ms. */
export interface GoTask {
  readonly type?: string;
  /** Missing = nil, which differs from an empty payload. */
  readonly payload?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly queue?: string;
  readonly taskId?: string;
  readonly maxRetry?: number;
  readonly timeoutMs?: number;
  readonly deadlineMs?: number;
  readonly uniqueMs?: number;
  readonly processAtMs?: number;
  readonly processInMs?: number;
  readonly retentionMs?: number;
  readonly group?: string;
}

/** A task as Go's inspector and client show it. A time of 0 is Go's zero time. */
export interface GoTaskInfo {
  readonly id: string;
  readonly queue: string;
  readonly type: string;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly state: string;
  readonly maxRetry: number;
  readonly retried: number;
  readonly lastErr: string;
  readonly lastFailedAtMs: number;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly group: string;
  readonly nextProcessAtMs: number;
  readonly isOrphaned: boolean;
  readonly retentionMs: number;
  readonly completedAtMs: number;
  readonly result: Buffer;
}

/** An entry for Go's scheduler. */
export interface GoScheduledTask {
  readonly spec: string;
  readonly task: GoTask;
}

/** What a handler of the Go program does. Without `do` it succeeds. */
export interface GoBehaviour {
  readonly do?:
    | 'fail'
    | 'skip'
    | 'skipWrapped'
    | 'revoke'
    | 'revokeWrapped'
    | 'panic'
    | 'hang' // until its context ends
    | 'block'; // forever
  readonly text?: string;
  readonly result?: Uint8Array;
  /** The number of attempts that fail first. */
  readonly failTimes?: number;
  /** A token of Asynq's x/rate, held while the handler runs. Without a free token the attempt fails with `no token`. */
  readonly semaphore?: { readonly scope: string; readonly maxTokens: number };
}

export interface GoServer {
  readonly queues: Readonly<Record<string, number>>;
  readonly concurrency?: number;
  readonly strict?: boolean;
  /** Default: Asynq's own delays. */
  readonly retryDelayMs?: number;
  readonly shutdownTimeoutMs?: number;
  readonly behaviours?: Readonly<Record<string, GoBehaviour>>;
  /** Reports only the event `ran` for each task. */
  readonly brief?: boolean;
  /** Aggregation; without it the server leaves groups alone. */
  readonly groups?: GoGroups;
}

/** How a Go server aggregates a group. The payload is the members' payloads, joined with commas. */
export interface GoGroups {
  /** At least 1,000 ms. */
  readonly graceMs: number;
  readonly maxDelayMs?: number;
  readonly maxSize?: number;
  readonly type: string;
  /** The queue that the aggregated task requests. Asynq ignores it. */
  readonly queue: string;
}

/**
 * An event of a Go server: `started`, `acquired` (a token) and `ended` from the handler, `failed` from the error handler,
 * `aggregated` from the group aggregator, `ran` from a brief server.
 */
export interface GoEvent {
  readonly event: 'started' | 'acquired' | 'ended' | 'failed' | 'ran' | 'aggregated';
  readonly task: string;
  readonly queue: string;
  readonly type: string;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly retried: number;
  readonly maxRetry: number;
  readonly deadlineMs: number;
  readonly error: string;
}

/** An operation of Go's inspector. */
export interface GoInspection {
  readonly queue?: string;
  readonly task?: string;
  readonly state?: string;
  readonly payload?: Uint8Array;
  readonly page?: number;
  readonly size?: number;
  readonly days?: number;
  readonly force?: boolean;
}

/** A process of a mixed fleet: a worker, or a producer of the tasks with the numbers `from` to `to - 1`. */
export interface FleetProcess {
  /** The file that it appends to. */
  readonly log: string;
  readonly queues: readonly string[];
  readonly concurrency?: number;
  /** Whether the worker aggregates groups. */
  readonly aggregate?: boolean;
  readonly prefix?: string;
  readonly from?: number;
  /** Exclusive. */
  readonly to?: number;
  readonly perSecond?: number;
}

/** A Go process with a client, an inspector and at most one server of the asynq library. */
export interface GoPeer {
  /** Rejects with the library's own text. */
  enqueue(task: GoTask): Promise<GoTaskInfo>;
  enqueueMany(tasks: readonly GoTask[]): Promise<void>;
  /** Starts its server. */
  serve(server: GoServer): Promise<void>;
  /** Stops the server from taking tasks. */
  quiet(): Promise<void>;
  /** Shuts the server down; resolves when it has stopped. */
  stop(): Promise<void>;
  /** An operation of the inspector; `op` is one of those in inspect.go. */
  inspect<T = unknown>(op: string, options?: GoInspection): Promise<T>;
  task(queue: string, id: string): Promise<GoTaskInfo>;
  list(queue: string, state: string, pages?: { page?: number; size?: number }): Promise<GoTaskInfo[]>;
  /** Starts its scheduler; resolves to the IDs of the entries. */
  schedule(entries: readonly GoScheduledTask[], heartbeatMs: number): Promise<string[]>;
  /** Shuts its scheduler down. */
  unschedule(): Promise<void>;
  /** The next times of a schedule, ms since 1970, as the library's scheduler computes them. */
  cron(spec: string, fromMs: number, count: number): Promise<number[]>;
  /** An option of each kind as the library writes it into a scheduler's entry. */
  optionTexts(): Promise<string[]>;
  /** Starts a server of a fleet; or produces the tasks of a fleet and resolves when all are stored. */
  fleet(role: 'fleetServe' | 'fleetProduce', options: FleetProcess): Promise<void>;
  /** The events of its server so far. */
  readonly events: readonly GoEvent[];
  /** Resolves to the first matching event, past or future. */
  saw(event: GoEvent['event'], task: string): Promise<GoEvent>;
  /** Resolves when there are `count` such events. */
  sawMany(event: GoEvent['event'], count: number): Promise<GoEvent[]>;
  /** Sends SIGKILL; resolves when it has ended. */
  kill(): Promise<void>;
}

type Line = { id?: number; ok?: unknown; error?: string; event?: string } & Record<string, unknown>;

const bytes = (base64: unknown): Buffer => Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
const base64 = (value: string | Uint8Array | undefined): string | null =>
  value === undefined ? null : Buffer.from(value).toString('base64');

const toWire = (task: GoTask) => ({ type: 'x', ...task, payload: base64(task.payload) });

function infoOf(raw: unknown): GoTaskInfo {
  const info = raw as GoTaskInfo;
  return { ...info, payload: bytes(info.payload), result: bytes(info.result) };
}

function behavioursOf(server: GoServer) {
  const entries = Object.entries(server.behaviours ?? {});
  return Object.fromEntries(
    entries.map(([type, { result, ...rest }]) => [type, result ? { ...rest, result: base64(result) } : rest]),
  );
}

interface Call {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

/** Starts the process of a peer. It gets calls as lines of JSON and writes answers and events. */
function startProcess(address: string) {
  const child = spawn(inject('goPeer') ?? 'go', [address], {
    stdio: 'pipe',
  });
  let errorOutput = '';
  child.stderr.on('data', (text) => (errorOutput += String(text)));
  const calls = new Map<number, Call>();
  const events: GoEvent[] = [];
  const watchers = new Set<() => void>();
  let lastId = 0;
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = JSON.parse(text) as Line;
    if (line.event !== undefined) {
      events.push({ ...line, payload: bytes(line['payload']) } as unknown as GoEvent);
      for (const watcher of watchers) watcher();
      return;
    }
    const call = calls.get(line.id ?? 0);
    calls.delete(line.id ?? 0);
    if (line.error === undefined) call?.resolve(line.ok);
    else call?.reject(new Error(line.error));
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      for (const { reject } of calls.values())
        reject(new Error(`the Go program has ended; its error output: ${errorOutput}`));
      resolve();
    });
  });
  // Writing to a killed process fails; its calls are rejected on `close`.
  child.stdin.on('error', () => {});
  return {
    events,
    ask(call: Record<string, unknown>): Promise<unknown> {
      return new Promise((resolve, reject) => {
        const id = (lastId += 1);
        calls.set(id, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id, ...call })}\n`);
      });
    },
    /** Resolves to the first result of `find` that is not undefined; it is called at each event. */
    until<T>(find: () => T | undefined): Promise<T> {
      return new Promise((resolve) => {
        const watcher = () => {
          const found = find();
          if (found === undefined) return;
          watchers.delete(watcher);
          resolve(found);
        };
        watchers.add(watcher);
        watcher();
      });
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Starts the Go program. @param redis a port of this machine, or `host:port`; for a cluster several, with commas */
export function startGoPeer(redis: number | string): GoPeer {
  const { ask, until, events, kill } = startProcess(typeof redis === 'number' ? `127.0.0.1:${redis}` : redis);
  const inspect = (op: string, { payload, ...options }: GoInspection = {}): Promise<unknown> =>
    ask({ do: 'inspect', inspect: { op, ...options, payload: base64(payload) } });
  return {
    events,
    kill,
    enqueue: async (task) => infoOf(await ask({ do: 'enqueue', task: toWire(task) })),
    enqueueMany: async (tasks) => void (await ask({ do: 'enqueueMany', tasks: tasks.map(toWire) })),
    serve: async (server) =>
      void (await ask({ do: 'serve', server: { ...server, behaviours: behavioursOf(server) } })),
    quiet: async () => void (await ask({ do: 'quiet' })),
    stop: async () => void (await ask({ do: 'stop' })),
    inspect: async <T>(op: string, options?: GoInspection) => (await inspect(op, options)) as T,
    task: async (queue, task) => infoOf(await inspect('task', { queue, task })),
    list: async (queue, state, { page = 1, size = 1_000 } = {}) =>
      ((await inspect('list', { queue, state, page, size })) as unknown[]).map(infoOf),
    schedule: async (entries, heartbeatMs) => {
      const converted = entries.map(({ spec, task }) => ({ spec, task: toWire(task) }));
      return (await ask({ do: 'schedule', schedule: { heartbeatMs, entries: converted } })) as string[];
    },
    unschedule: async () => void (await ask({ do: 'unschedule' })),
    cron: async (spec, fromMs, count) =>
      (await ask({ do: 'cron', cron: { spec, fromMs, count } })) as number[],
    fleet: async (role, fleet) => void (await ask({ do: role, fleet })),
    optionTexts: async () => (await ask({ do: 'optionTexts' })) as string[],
    saw: (event, task) =>
      until(() => events.find((candidate) => candidate.event === event && candidate.task === task)),
    sawMany: (event, count) =>
      until(() => {
        const matching = events.filter((candidate) => candidate.event === event);
        return matching.length >= count ? matching : undefined;
      }),
  };
}
