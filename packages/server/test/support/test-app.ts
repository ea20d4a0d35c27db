/**
 * The HTTP API for tests, on a broker of its own. It is called in process, or over a connection by the client that
 * `HTTP_CLIENT` names.
 */
import { Client, createRuntime, LoopWatch, Metrics, type Broker, type NewTask } from '@task-center/engine';
import { sqliteKind, type BrokerKind } from '../../../engine/test/support/brokers.ts';
import { createAuthenticate } from '../../src/auth/authenticate.ts';
import { createLocalKey, type NewKey } from '../../src/auth/local-key.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import { createApp } from '../../src/http/app.ts';
import { createBatchTurns } from '../../src/http/memory/budget.ts';
import { ServiceState } from '../../src/http/deps.ts';
import { LiveRules } from '../../src/http/live-rules.ts';
import { QueueLimit } from '../../src/http/submission/queue-limit.ts';
import { EventLoopWatch } from '../../src/observe/event-loop.ts';
import { Health } from '../../src/observe/health.ts';
import { writtenFields } from '../../src/observe/logs.ts';
import { ServiceMetrics } from '../../src/observe/service-metrics.ts';
import { documentFaults } from './document-check.ts';
import { listen, type ListeningServer } from '../../src/http/listen.ts';
import { chosenClient, type ClientAnswer } from './clients.ts';

const VERSION = '0.0.0-test';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests check any part of it.
  readonly json: any; // oxlint-disable-line typescript/no-explicit-any
}

export interface RequestOptions {
  /** JSON text, bytes, or a value to convert to JSON; left out = no body. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  /** API key; null = none. Default: an admin's. */
  readonly key?: string | null;
}

/** A request as it is sent. */
interface Sent {
  readonly method: string;
  readonly headers: Headers;
  readonly content: string | Uint8Array<ArrayBuffer> | undefined;
}

/** The application under test and what it reports. */
export interface TestApp {
  readonly broker: Broker;
  readonly state: ServiceState;
  readonly rules: LiveRules;
  /** Those whose state health checks tell. */
  readonly loops: LoopWatch;
  /** Logical queues that the application reported to the callback worker. */
  readonly reportedQueues: string[];
  readonly logged: { fields: Readonly<Record<string, unknown>>; message: string }[];
  call(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** A request by the admin, a GET unless `init` says otherwise. Its answer is not read. */
  open(path: string, init?: RequestInit): Promise<Response>;
  /** Serves it over HTTP until it is closed, and resolves to the port. Later calls resolve to the same. */
  listen(): Promise<number>;
  createKey(options?: NewKey): Promise<string>;
  /** Stores a task directly in the broker, as the library does. */
  store(task: Partial<NewTask>): Promise<void>;
  close(): Promise<void>;
}

export function testConfig(
  flags: Readonly<Record<string, unknown>> = {},
  yaml: string | null = null,
): Config {
  const loaded = loadConfig({ yaml, flags });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded.config;
}

function readAnswer({ status, headers, text }: ClientAnswer): Answer {
  const isJson = (headers.get('content-type') ?? '').includes('json');
  return { status, headers, text, json: isJson && text !== '' ? JSON.parse(text) : null };
}

async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  return readAnswer({ status, headers, text: await response.text() });
}

const plainTask: NewTask = {
  queue: 'default',
  id: 'stored',
  type: 'test',
  payload: null,
  headers: {},
  maxRetries: 3,
  timeoutMs: 1_800_000,
  deadlineMs: 0,
  retentionMs: 3_600_000,
  delayMs: 0,
  runAtMs: 0,
  uniqueMs: 0,
  group: null,
  meta: {},
};

export interface TestAppOptions {
  /** Default: mode try on loopback. */
  readonly config?: Config;
  /** The kind of its broker, which has a store of its own. Default: SQLite. */
  readonly kind?: BrokerKind;
  /** A broker in place of that. */
  readonly broker?: Broker;
  /** Makes the IDs of tasks. */
  readonly newId?: () => string;
  /** Wraps the broker that the application sees, for example to make it fail. */
  readonly wrap?: (broker: Broker) => Broker;
}

export async function testApp({
  config,
  kind = sqliteKind,
  broker: given,
  newId,
  wrap = (broker) => broker,
}: TestAppOptions = {}): Promise<TestApp> {
  const store = given ? null : await kind.createStore();
  const broker = given ?? (await store!.connect());
  const logged: TestApp['logged'] = [];
  const record = (fields: Readonly<Record<string, unknown>>, message: string) =>
    void logged.push({ fields: writtenFields(fields), message });
  const loops = new LoopWatch();
  const runtime = createRuntime({
    loops,
    log: { debug() {}, info: record, warn: record, error: record },
    ...(newId && { newId }),
  });
  const usedConfig = config ?? testConfig({ 'http.port': '0' });
  const rules = new LiveRules(usedConfig.callbacks, runtime.log);
  const state = new ServiceState();
  state.markReady();
  const reportedQueues: string[] = [];
  const wrapped = wrap(broker);
  const metrics = new Metrics(wrapped, { runtime });
  const counts = new ServiceMetrics(metrics.registry);
  const app = createApp({
    broker: wrapped,
    client: new Client(wrapped, { runtime }),
    config: usedConfig,
    runtime,
    authenticate: createAuthenticate(wrapped, runtime, (reason) => counts.keyRefused(reason)),
    metrics,
    counts,
    rules,
    state,
    health: new Health({
      broker: wrapped,
      clock: runtime.clock,
      loops,
      eventLoop: new EventLoopWatch(runtime.clock),
    }),
    batchTurns: createBatchTurns(runtime.clock),
    queueLimit: new QueueLimit({
      broker: wrapped,
      clock: runtime.clock,
      maxQueues: usedConfig.limits.queues,
    }),
    version: VERSION,
    addCallbackQueue: (name) => void reportedQueues.push(name),
  });
  let server: Promise<ListeningServer> | undefined;
  const address = {
    host: '127.0.0.1',
    port: 0,
    group: 'http',
    maxConnections: 1_000,
    version: VERSION,
  } as const;
  const open = async () => {
    server ??= listen((request, bindings) => app.fetch(request, bindings), address, runtime);
    return Number(new URL((await server).url).port);
  };
  /** In process, or by the chosen client. */
  async function send(path: string, { method, headers, content }: Sent): Promise<Answer> {
    if (chosenClient === null) {
      const init = content === undefined ? {} : { body: content };
      return answerOf(await app.request(path, { method, headers, ...init }));
    }
    const { pathname, search } = new URL(path, 'http://localhost');
    const body = typeof content === 'string' ? Buffer.from(content) : content;
    return readAnswer(
      await chosenClient({ method, port: await open(), path: pathname + search, headers, body }),
    );
  }
  const { key: admin } = await createLocalKey(broker, { role: 'admin', name: 'test' });

  return {
    broker,
    state,
    rules,
    loops,
    reportedQueues,
    logged,
    async call(method, path, { body, headers = {}, key = admin } = {}) {
      const sent = new Headers(headers);
      if (key !== null && !sent.has('authorization')) sent.set('authorization', `Bearer ${key}`);
      if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
      const content = body === undefined ? undefined : bodyOf(body);
      // On the wire a body is there only with one of these two.
      if (content !== undefined && !sent.has('content-length') && !sent.has('transfer-encoding'))
        sent.set('content-length', String(Buffer.byteLength(content)));
      const answer = await send(path, { method, headers: sent, content });
      const faults = documentFaults({ method, path }, answer);
      if (faults.length > 0)
        throw new Error(`${method} ${path} is not as the OpenAPI document says: ${faults.join('; ')}`);
      return answer;
    },
    listen: open,
    open: async (path, { headers, body = null, ...init } = {}) => {
      const sent = new Headers({ authorization: `Bearer ${admin}`, ...(headers as object) });
      if (body !== null) sent.set('content-length', String(Buffer.byteLength(body as string | Uint8Array)));
      return app.request(path, { ...init, body, headers: sent });
    },
    createKey: async (options = {}) => (await createLocalKey(broker, options)).key,
    async store(task) {
      const [outcome] = await broker.submit.enqueue([{ ...plainTask, ...task }]);
      if (outcome?.code !== 'created') throw new Error(`not stored: ${outcome?.code}`);
    },
    async close() {
      await (await server)?.close(0);
      await broker.close();
      await store?.remove();
    },
  };
}

/** An application that serves HTTP, for requests that are written byte by byte. `auth`: the header line of an admin. */
export async function listeningApp(): Promise<{ app: TestApp; port: number; auth: string }> {
  const app = await testApp();
  const port = await app.listen();
  return { app, port, auth: `authorization: Bearer ${await app.createKey({ role: 'admin' })}\r\n` };
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}
