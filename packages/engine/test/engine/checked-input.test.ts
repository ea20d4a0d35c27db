import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Client,
  connect,
  createMaintenance,
  createRuntime,
  DeferError,
  defineTask,
  fsck,
  HandlerError,
  Inspector,
  PeriodicTaskManager,
  Metrics,
  runUntilSignal,
  Scheduler,
  Semaphore,
  Worker,
  type Broker,
} from '../../src/index.ts';
import { brokerKinds, sqliteKind, type TestStore } from '../support/brokers.ts';

/** A call with an argument that is wrong, and the field that its error names. */
type WrongCall = readonly [field: string, call: (broker: Broker) => unknown];

// Callers in JavaScript: the compiler would refuse all of these calls.
// eslint-disable-next-line typescript/no-explicit-any
const any = (value: unknown): any => value;
const client = (broker: Broker) => new Client(broker);
const enqueue = (options: unknown) => (broker: Broker) => client(broker).enqueue('x', null, any(options));
const worker = (options: unknown) => (broker: Broker) => new Worker(broker, any(options));
const scheduler = (options: unknown) => (broker: Broker) => new Scheduler(broker, any(options));
const register = (spec: unknown, task: unknown) => (broker: Broker) =>
  new Scheduler(broker).register(any(spec), any(task));
const manager = (options: unknown) => (broker: Broker) => new PeriodicTaskManager(broker, any(options));
const handle = (task: unknown, handler: unknown) => (broker: Broker) =>
  new Worker(broker).handle(any(task), any(handler));
const acquire = (holder: unknown, until: unknown) => (broker: Broker) =>
  new Semaphore(broker, 's', 1).acquire(any(holder), any(until));
const report = () => {};
const aggregate = () => ({ task: 'x' });
const provider = () => [];

const WRONG_TYPES: readonly WrongCall[] = [
  ['broker URL', () => connect(any(undefined))],
  ['broker URL', () => connect(any(5))],
  ['options', () => connect('sqlite:/nowhere/x.db', any(null))],
  ['log', () => connect('sqlite:/nowhere/x.db', any({ log: true }))],
  ['signal', () => connect('sqlite:/nowhere/x.db', any({ signal: new AbortController() }))],
  ['nowMs', () => connect('sqlite:/nowhere/x.db', any({ nowMs: 5 }))],
  ['allow', () => connect('sqlite:/nowhere/x.db', any({ allow: 'eviction' }))],
  ['allow[0]', () => connect('sqlite:/nowhere/x.db', any({ allow: ['everything'] }))],
  ['redis', () => connect('redis://127.0.0.1:1', any({ redis: 'secret' }))],
  ['redis.password', () => connect('redis://127.0.0.1:1', any({ redis: { password: 5 } }))],
  ['redis.tls.ca', () => connect('redis://127.0.0.1:1', any({ redis: { tls: { ca: 5 } } }))],
  ['runtime', () => connect('sqlite:/nowhere/x.db', any({ runtime: null }))],
  ['runtime.clock', () => connect('sqlite:/nowhere/x.db', any({ runtime: { clock: Date } }))],

  ['broker', () => new Client(any(connect('sqlite:/nowhere/x.db').catch(() => {})))],
  ['broker', () => new Client(any(undefined))],
  ['options', (broker) => new Client(broker, any('asynq'))],
  ['maxPayloadBytes', (broker) => new Client(broker, { maxPayloadBytes: any('1MB') })],
  ['profile', (broker) => new Client(broker, { profile: any('bull') })],
  ['runtime.log', (broker) => new Client(broker, { runtime: { log: any(report) } })],

  ['task', (broker) => client(broker).enqueue(any(undefined))],
  ['task', (broker) => client(broker).enqueue(any({ type: 'x' }))],
  ['task', (broker) => client(broker).enqueue(any(5), {})],
  ['type', (broker) => client(broker).enqueue('')],
  ['options', enqueue(null)],
  ['options', enqueue('high')],
  ['options', enqueue([])],
  ['options', enqueue(Promise.resolve({}))],
  ['options', enqueue(new Map([['queue', 'a']]))],
  ['runAt', enqueue({ runAt: '2026-12-01T00:00:00Z' })],
  ['runAt', enqueue({ runAt: Date.now() })],
  ['deadline', enqueue({ deadline: '2026-12-01' })],
  ['id', enqueue({ id: 5 })],
  ['id', enqueue({ id: null })],
  ['queue', enqueue({ queue: null })],
  ['queue', enqueue({ queue: ['a'] })],
  ['maxRetries', enqueue({ maxRetries: '3' })],
  ['timeout', enqueue({ timeout: new Date() })],
  ['retention', enqueue({ retention: true })],
  ['unique', enqueue({ unique: true })],
  ['group', enqueue({ group: 5 })],
  ['headers', enqueue({ headers: 'a' })],
  ['context', enqueue({ context: 'shop' })],
  ['backoff', enqueue({ backoff: '1s' })],
  ['durability', enqueue({ durability: 'disk' })],
  ['tasks', (broker) => client(broker).enqueueMany(any(null))],
  ['tasks', (broker) => client(broker).enqueueMany(any({ task: 'x' }))],
  ['options', (broker) => client(broker).enqueueMany([], any(null))],
  ['outcomes', (broker) => client(broker).enqueueMany([], { outcomes: any('yes') })],

  ['options', (broker) => client(broker).enqueueAndWait('x', null, any(5))],
  ['wait', (broker) => client(broker).enqueueAndWait('x', null, { wait: any('soon') })],
  ['signal', (broker) => client(broker).enqueueAndWait('x', null, { signal: any(true) })],
  ['id', (broker) => client(broker).enqueueAndWait('x', null, { id: any(5) })],
  ['task', (broker) => client(broker).result(any('a'))],
  ['queue', (broker) => client(broker).result(any({ id: 'a' }))],
  ['id', (broker) => client(broker).result(any({ queue: 'q', id: 5 }))],
  ['businessId', (broker) => client(broker).result({ queue: 'q', id: 'a', businessId: any(5) })],
  ['wait', (broker) => client(broker).result({ queue: 'q', id: 'a' }, { wait: any('soon') })],

  ['type', () => defineTask(any(5))],
  ['options', () => defineTask('x', any(null))],
  ['queue', () => defineTask('x', { queue: any(5) })],
  ['maxRetries', () => defineTask('x', { maxRetries: any('3') })],
  ['retention', () => defineTask('x', { retention: any('soon') })],
  ['payload', () => defineTask('x', { payload: any({ n: 'number' }) })],

  ['broker', () => new Worker(any({}))],
  ['options', worker(null)],
  ['queues', worker({ queues: 'default' })],
  ['queues', worker({ queues: new Map([['default', 1]]) })],
  ['queues[1]', worker({ queues: ['a', 5] })],
  ['order', worker({ order: 'random' })],
  ['concurrency', worker({ concurrency: '10' })],
  ['lease', worker({ lease: '1s' })],
  ['maxStall', worker({ maxStall: Number.NaN })],
  ['shutdownTimeout', worker({ shutdownTimeout: '8 seconds' })],
  ['failStop', worker({ failStop: 'no' })],
  ['maintenance', worker({ maintenance: 0 })],
  ['profile', worker({ profile: 'bull' })],
  ['isFailure', worker({ isFailure: true })],
  ['onError', worker({ onError: 'log' })],
  ['admission', worker({ admission: {} })],
  ['aggregation', worker({ aggregation: aggregate })],
  ['aggregation.aggregate', worker({ aggregation: {} })],
  ['aggregation.maxSize', worker({ aggregation: { aggregate, maxSize: '10' } })],
  ['healthCheck.report', worker({ healthCheck: { every: '1s' } })],
  ['healthCheck.every', worker({ healthCheck: { report, every: 0 } })],
  ['runtime.events', worker({ runtime: { events: {} } })],
  ['handler', handle('y', undefined)],
  ['handler', handle('y', {})],
  ['task', handle(undefined, report)],
  ['task', handle({}, report)],
  ['type', handle('', report)],
  ['queues', (broker) => new Worker(broker).setQueues(any(null))],
  ['options', (broker) => new Worker(broker).stop(any(5))],
  ['timeout', (broker) => new Worker(broker).stop({ timeout: any('now') })],

  ['broker', () => new Scheduler(any(null))],
  ['options', scheduler(5)],
  ['timeZone', scheduler({ timeZone: 1 })],
  ['heartbeat', scheduler({ heartbeat: '1ms' })],
  ['preEnqueue', scheduler({ preEnqueue: 5 })],
  ['postEnqueue', scheduler({ postEnqueue: {} })],
  ['spec', register(undefined, { task: 'x' })],
  ['spec', register(5, { task: 'x' })],
  ['task', register('@daily', undefined)],
  ['task', register('@daily', 'x')],
  ['task', register('@daily', { payload: 1 })],
  ['runAt', register('@daily', { task: 'x', runAt: 'now' })],
  ['entryId', (broker) => new Scheduler(broker).unregister(any(5))],
  ['options', manager(undefined)],
  ['provider', manager({})],
  ['syncInterval', manager({ provider, syncInterval: '1 day' })],

  ['broker', () => new Semaphore(any(undefined), 's', 1)],
  ['scope', (broker) => new Semaphore(broker, any(5), 1)],
  ['maxTokens', (broker) => new Semaphore(broker, 's', any('1'))],
  ['holder', acquire(undefined, { deadlineMs: 1 })],
  ['id', acquire({ id: 5 }, { deadlineMs: 1 })],
  ['until', acquire({ id: 'a' }, undefined)],
  ['deadlineMs', acquire({ id: 'a' }, { deadlineMs: '1s' })],
  ['holder', (broker) => new Semaphore(broker, 's', 1).release(any(null))],
  ['broker', () => new Metrics(any('redis://localhost'))],
  ['options', (broker) => new Metrics(broker, any('all'))],
  ['scope', (broker) => new Metrics(broker).text({ scope: any('queues') })],
  ['compat', (broker) => new Metrics(broker).families({ compat: any('go') })],
  ['broker', () => new Inspector(any(undefined))],

  ['broker', () => fsck(any(undefined))],
  ['options', (broker) => fsck(broker, any(true))],
  ['queues', (broker) => fsck(broker, { queues: any('default') })],
  ['repair', (broker) => fsck(broker, { repair: any('yes') })],
  ['pause', (broker) => fsck(broker, { pause: any('no') })],
  ['clock', (broker) => fsck(broker, { clock: any(Date) })],
  ['worker', () => runUntilSignal(any(undefined))],
  ['worker', () => runUntilSignal(any({ start: report }))],
  ['options', () => createMaintenance(any(undefined))],
  ['queues', (broker) => createMaintenance(any({ broker, queues: [], runtime: createRuntime() }))],
  ['runtime', (broker) => createMaintenance(any({ broker, queues: () => [] }))],
  ['runtime', () => createRuntime(any(null))],
  ['delay', () => new DeferError('x', any({}))],
  ['options', () => new DeferError('x', any(undefined))],
  ['hints', () => new HandlerError('x', any(null))],
];

/** A call with a name that no option has, and the name that was meant. */
const UNKNOWN_NAMES: readonly (readonly [field: string, meant: string, call: (broker: Broker) => unknown])[] =
  [
    ['attempts', 'maxRetries', enqueue({ attempts: 5 })],
    ['jobId', 'id', enqueue({ jobId: 'a' })],
    ['delayMs', 'delay', enqueue({ delayMs: 5 })],
    ['removeOnComplete', 'retention', enqueue({ removeOnComplete: true })],
    ['processAt', 'runAt', register('@daily', { task: 'x', processAt: new Date() })],
    ['data', 'payload', register('@daily', { task: 'x', data: 1 })],
    ['concurency', 'concurrency', worker({ concurency: 5 })],
    ['leaseMs', 'lease', worker({ leaseMs: 5_000 })],
    ['shutdownTimeoutMs', 'shutdownTimeout', worker({ shutdownTimeoutMs: '8s' })],
    ['healthCheck.everyMs', 'every', worker({ healthCheck: { report, everyMs: 5 } })],
    ['aggregation.graceperiod', 'gracePeriod', worker({ aggregation: { aggregate, graceperiod: 5 } })],
    ['timeoutMs', 'timeout', (broker) => new Worker(broker).stop(any({ timeoutMs: 5 }))],
    ['runtime.logger', 'log', worker({ runtime: { logger: console } })],
    ['tz', 'timeZone', scheduler({ tz: 'Europe/Berlin' })],
    ['interval', 'syncInterval', manager({ provider, interval: '1m' })],
    ['attempts', 'maxRetries', () => defineTask('x', any({ attempts: 5 }))],
    ['pauseMs', 'pause', (broker) => fsck(broker, any({ pauseMs: 0 }))],
    ['abortSignal', 'signal', () => connect('sqlite:/nowhere/x.db', any({ abortSignal: 1 }))],
    ['redis.pasword', 'password', () => connect('redis://127.0.0.1:1', any({ redis: { pasword: 'x' } }))],
    ['jobId', 'id', (broker) => client(broker).enqueueAndWait('x', null, any({ jobId: 'a' }))],
    ['waitMs', 'wait', (broker) => client(broker).result({ queue: 'q', id: 'a' }, any({ waitMs: 5 }))],
    ['outcome', 'outcomes', (broker) => client(broker).enqueueMany([], any({ outcome: true }))],
    ['hints.retryAfterMs', 'retryAfter', () => new HandlerError('x', any({ retryAfterMs: 5 }))],
    ['delayMs', 'delay', () => new DeferError('x', any({ delay: 1, delayMs: 5 }))],
  ];

const errorOf = async (call: () => unknown): Promise<unknown> => {
  try {
    await call();
    return 'no error';
  } catch (error) {
    return error;
  }
};

describe.each(brokerKinds)('input on $name', (kind) => {
  let store: TestStore;
  let broker: Broker;

  beforeEach(async () => {
    store = await kind.createStore();
    broker = await store.connect();
  });
  afterEach(() => store.remove());

  test('of a wrong type is refused by the name of its field, and nothing is stored', async () => {
    const found: string[] = [];
    for (const [field, call] of WRONG_TYPES) {
      const error = await errorOf(() => call(broker));
      const { code, details } = any(error) as { code?: string; details?: { name: string } };
      if (code !== 'invalid-value' || details?.name !== field) found.push(`${field}: ${String(error)}`);
    }
    expect(found).toEqual([]);
    expect(await broker.inspect.queues()).toEqual([]);
  });

  test('of an unknown name is refused with the likely one', async () => {
    const found: string[] = [];
    for (const [field, meant, call] of UNKNOWN_NAMES) {
      const text = String(await errorOf(() => call(broker)));
      if (!text.includes(`: ${field} is not valid`) || !text.includes(`did you mean "${meant}"?`))
        found.push(`${field}: ${text}`);
    }
    expect(found).toEqual([]);
    expect(await broker.inspect.queues()).toEqual([]);
  });

  test('in a batch is the outcome of its item alone', async () => {
    const tasks = [
      null,
      { task: 'x', attempts: 3 },
      new Map(),
      { task: 'x' },
      'x',
      { task: 'x', jobId: 'a' },
    ];
    const outcomes = await client(broker).enqueueMany(any(tasks), { outcomes: true });
    expect(outcomes.map((outcome) => ('task' in outcome ? 'stored' : outcome.error.details))).toMatchObject([
      { name: 'tasks[0]' },
      { name: 'attempts' },
      { name: 'tasks[2]' },
      'stored',
      { name: 'tasks[4]' },
      { name: 'jobId' },
    ]);
  });
});

test('a secret of a wrong type is not shown', async () => {
  const password = Buffer.from('hunter2');
  for (const redis of [{ password }, { tls: { key: new Uint8Array(password) } }, 'hunter2', [password]]) {
    const { message, details } = any(await errorOf(() => connect('redis://127.0.0.1:1', any({ redis }))));
    expect(`${message} ${JSON.stringify(details)}`).toMatch(/^redis.* is not valid: found a value of type/);
    expect(`${message} ${JSON.stringify(details)}`).not.toMatch(/hunter2|104/);
  }
});

test('a promise of a broker is told from a broker', async () => {
  const store = await sqliteKind.createStore();
  expect(() => new Client(any(store.connect()))).toThrow(
    expect.objectContaining({
      message: 'broker is not valid: found [object Promise].',
      fix: expect.stringContaining('await'),
    }),
  );
  await store.remove();
});
