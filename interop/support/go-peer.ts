import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { inject } from 'vitest';

/** Options as the Go client knows them; times and durations in ms. */
export interface GoTask {
  readonly type?: string;
  /** Left out = nil, which is another thing than empty. */
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

/** A task as Go's inspector and client show it; times 0 = Go's zero time. */
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

/** What a handler of the Go program does; left out = it succeeds. */
export interface GoBehaviour {
  readonly do?:
    | 'fail'
    | 'skip'
    | 'skipWrapped'
    | 'revoke'
    | 'revokeWrapped'
    | 'panic'
    | 'hang' // until its context ends
    | 'hold'; // for ever
  readonly text?: string;
  readonly result?: Uint8Array;
  /** So many attempts fail first. */
  readonly failTimes?: number;
  /** Of Asynq's x/rate, held while it runs; an attempt without a token fails with `no token`. */
  readonly semaphore?: { readonly scope: string; readonly maxTokens: number };
}

export interface GoServer {
  readonly queues: Readonly<Record<string, number>>;
  readonly concurrency?: number;
  readonly strict?: boolean;
  /** Left out = Asynq's own delays. */
  readonly retryDelayMs?: number;
  readonly shutdownTimeoutMs?: number;
  readonly behaviours?: Readonly<Record<string, GoBehaviour>>;
  /** Only `ran` is told of each task. */
  readonly brief?: boolean;
  /** Left out = it leaves groups alone. */
  readonly groups?: GoGroups;
}

/** How a Go server makes one task of the tasks of a group: its payload is theirs with commas between. */
export interface GoGroups {
  /** At least 1,000. */
  readonly graceMs: number;
  readonly maxDelayMs?: number;
  readonly maxSize?: number;
  readonly type: string;
  /** What the made task asks for, in vain. */
  readonly queue: string;
}

/**
 * What a Go server tells: `started`, `holds` (a token) and `ended` by the handler, `failed` by the error handler,
 * `aggregated` of a group.
 */
export interface GoEvent {
  readonly event: 'started' | 'holds' | 'ended' | 'failed' | 'ran' | 'aggregated';
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

/** A process of a mixed fleet: a server, or a producer of the tasks with these numbers. */
export interface FleetProcess {
  /** The file that it appends to. */
  readonly log: string;
  readonly queues: readonly string[];
  readonly concurrency?: number;
  /** Whether it makes one task of the tasks of a group. */
  readonly aggregate?: boolean;
  readonly prefix?: string;
  readonly from?: number;
  /** The first number that is not its own. */
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
  /** The server takes nothing more. */
  quiet(): Promise<void>;
  /** Shuts its server down; resolves when that is over. */
  stop(): Promise<void>;
  inspect<T = unknown>(op: string, what?: GoInspection): Promise<T>;
  task(queue: string, id: string): Promise<GoTaskInfo>;
  list(queue: string, state: string, pages?: { page?: number; size?: number }): Promise<GoTaskInfo[]>;
  /** Starts its scheduler; resolves to the IDs of the entries. */
  schedule(entries: readonly GoScheduledTask[], heartbeatMs: number): Promise<string[]>;
  /** Shuts its scheduler down. */
  unschedule(): Promise<void>;
  /** The next times of a schedule in wall-clock ms, as the library's scheduler counts them. */
  cron(spec: string, fromMs: number, count: number): Promise<number[]>;
  /** An option of each kind as the library writes it into a scheduler's entry. */
  optionTexts(): Promise<string[]>;
  /** Starts a server of a fleet, or produces a fleet's tasks and resolves when all are stored. */
  fleet(role: 'fleetServe' | 'fleetProduce', what: FleetProcess): Promise<void>;
  /** What its server has told so far. */
  readonly events: readonly GoEvent[];
  /** The first event that fits, past or to come. */
  saw(event: GoEvent['event'], task: string): Promise<GoEvent>;
  /** Resolves when so many events have come. */
  sawMany(event: GoEvent['event'], count: number): Promise<GoEvent[]>;
  /** SIGKILL */
  kill(): Promise<void>;
}

type Line = { id?: number; ok?: unknown; error?: string; event?: string } & Record<string, unknown>;

const bytes = (base64: unknown): Buffer => Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
const base64 = (value: string | Uint8Array | undefined): string | null =>
  value === undefined ? null : Buffer.from(value).toString('base64');

const sent = (task: GoTask) => ({ type: 'x', ...task, payload: base64(task.payload) });

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

/** The process behind a peer: calls out, answers and events in. */
function startProcess(address: string) {
  const child = spawn(inject('goPeer') ?? 'go', [address], {
    stdio: 'pipe',
  });
  let said = '';
  child.stderr.on('data', (text) => (said += String(text)));
  const calls = new Map<number, Call>();
  const events: GoEvent[] = [];
  const watchers = new Set<() => void>();
  let last = 0;
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
        reject(new Error(`the Go program has ended; it said: ${said}`));
      resolve();
    });
  });
  // A killed process cannot read any more.
  child.stdin.on('error', () => {});
  return {
    events,
    ask(what: Record<string, unknown>): Promise<unknown> {
      return new Promise((resolve, reject) => {
        const id = (last += 1);
        calls.set(id, { resolve, reject });
        child.stdin.write(`${JSON.stringify({ id, ...what })}\n`);
      });
    },
    /** Resolves with what `find` gives, as soon as it gives something. */
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

/** Starts the Go program on a Redis: a port of this machine, or addresses with commas, of a cluster several. */
export function startGoPeer(at: number | string): GoPeer {
  const { ask, until, events, kill } = startProcess(typeof at === 'number' ? `127.0.0.1:${at}` : at);
  const inspect = (op: string, { payload, ...what }: GoInspection = {}): Promise<unknown> =>
    ask({ do: 'inspect', inspect: { op, ...what, payload: base64(payload) } });
  return {
    events,
    kill,
    enqueue: async (task) => infoOf(await ask({ do: 'enqueue', task: sent(task) })),
    enqueueMany: async (tasks) => void (await ask({ do: 'enqueueMany', tasks: tasks.map(sent) })),
    serve: async (server) =>
      void (await ask({ do: 'serve', server: { ...server, behaviours: behavioursOf(server) } })),
    quiet: async () => void (await ask({ do: 'quiet' })),
    stop: async () => void (await ask({ do: 'stop' })),
    inspect: async <T>(op: string, what?: GoInspection) => (await inspect(op, what)) as T,
    task: async (queue, task) => infoOf(await inspect('task', { queue, task })),
    list: async (queue, state, { page = 1, size = 1_000 } = {}) =>
      ((await inspect('list', { queue, state, page, size })) as unknown[]).map(infoOf),
    schedule: async (entries, heartbeatMs) => {
      const all = entries.map(({ spec, task }) => ({ spec, task: sent(task) }));
      return (await ask({ do: 'schedule', schedule: { heartbeatMs, entries: all } })) as string[];
    },
    unschedule: async () => void (await ask({ do: 'unschedule' })),
    cron: async (spec, fromMs, count) =>
      (await ask({ do: 'cron', cron: { spec, fromMs, count } })) as number[],
    fleet: async (role, fleet) => void (await ask({ do: role, fleet })),
    optionTexts: async () => (await ask({ do: 'optionTexts' })) as string[],
    saw: (event, task) => until(() => events.find((one) => one.event === event && one.task === task)),
    sawMany: (event, count) =>
      until(() => {
        const fitting = events.filter((one) => one.event === event);
        return fitting.length >= count ? fitting : undefined;
      }),
  };
}
