/** The HTTP API for tests, called in process, on a broker of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, connect, createRuntime, type Broker, type NewTask } from '@task-center/engine';
import { createAuthenticate } from '../../src/auth/authenticate.ts';
import { createLocalKey, type NewKey } from '../../src/auth/local-key.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/config.ts';
import { createApp } from '../../src/http/app.ts';
import { ServiceState } from '../../src/http/deps.ts';
import { LiveRules } from '../../src/http/live-rules.ts';
import { QueueLimit } from '../../src/http/submission/queue-limit.ts';
import { documentFaults } from './document-check.ts';

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

/** The application under test and what it reports. */
export interface TestApp {
  readonly broker: Broker;
  readonly state: ServiceState;
  readonly rules: LiveRules;
  /** Logical queues that the application reported to the callback worker. */
  readonly reportedQueues: string[];
  readonly logged: { fields: Readonly<Record<string, unknown>>; message: string }[];
  call(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** A GET by the admin, whose answer is not read. */
  open(path: string): Promise<Response>;
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

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = (response.headers.get('content-type') ?? '').includes('json');
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: isJson && text !== '' ? JSON.parse(text) : null,
  };
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
  /** Default: a SQLite file of its own. */
  readonly broker?: Broker;
  /** Makes the IDs of tasks. */
  readonly newId?: () => string;
  /** Wraps the broker that the application sees, for example to make it fail. */
  readonly wrap?: (broker: Broker) => Broker;
}

export async function testApp({
  config,
  broker: given,
  newId,
  wrap = (broker) => broker,
}: TestAppOptions = {}): Promise<TestApp> {
  const folder = given ? null : await mkdtemp(join(tmpdir(), 'task-center-http-'));
  const broker = given ?? (await connect(`sqlite:${join(folder ?? '', 'tasks.db')}`));
  const logged: TestApp['logged'] = [];
  const record = (fields: Readonly<Record<string, unknown>>, message: string) =>
    void logged.push({ fields, message });
  const runtime = createRuntime({
    log: { debug() {}, info: record, warn: record, error: record },
    ...(newId && { newId }),
  });
  const usedConfig = config ?? testConfig({ 'http.port': '0' });
  const rules = new LiveRules(usedConfig.callbacks, runtime.log);
  const state = new ServiceState();
  state.markReady();
  const reportedQueues: string[] = [];
  const wrapped = wrap(broker);
  const app = createApp({
    broker: wrapped,
    client: new Client(wrapped, { runtime }),
    config: usedConfig,
    runtime,
    authenticate: createAuthenticate(wrapped, runtime.clock),
    rules,
    state,
    queueLimit: new QueueLimit({
      broker: wrapped,
      clock: runtime.clock,
      maxQueues: usedConfig.limits.queues,
    }),
    version: '0.0.0-test',
    addCallbackQueue: (name) => void reportedQueues.push(name),
  });
  const { key: admin } = await createLocalKey(broker, { role: 'admin', name: 'test' });

  return {
    broker,
    state,
    rules,
    reportedQueues,
    logged,
    async call(method, path, { body, headers = {}, key = admin } = {}) {
      const sent = new Headers(headers);
      if (key !== null && !sent.has('authorization')) sent.set('authorization', `Bearer ${key}`);
      if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
      const init = body === undefined ? {} : { body: bodyOf(body) };
      const answer = await answerOf(await app.request(path, { method, headers: sent, ...init }));
      const faults = documentFaults({ method, path }, answer);
      if (faults.length > 0)
        throw new Error(`${method} ${path} is not as the OpenAPI document says: ${faults.join('; ')}`);
      return answer;
    },
    open: async (path) => app.request(path, { headers: { authorization: `Bearer ${admin}` } }),
    createKey: async (options = {}) => (await createLocalKey(broker, options)).key,
    async store(task) {
      const [outcome] = await broker.submit.enqueue([{ ...plainTask, ...task }]);
      if (outcome?.code !== 'created') throw new Error(`not stored: ${outcome?.code}`);
    },
    async close() {
      await broker.close();
      if (folder !== null) await rm(folder, { recursive: true, force: true });
    },
  };
}

function bodyOf(body: unknown): string | Uint8Array<ArrayBuffer> {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body);
}
