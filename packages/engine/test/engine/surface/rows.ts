import * as engine from '../../../src/index.ts';
import { createTestBroker } from '../../../src/testing/test-broker.ts';
import { KNOWN, type Row, type World } from './row.ts';
import { useCaseRows } from './use-case-rows.ts';
import type { WrongKind } from './wrong-values.ts';

const report = () => {};
/** Any value that JSON can carry is a payload. */
const PAYLOADS: readonly WrongKind[] = [
  'undefined',
  'null',
  'a number',
  'a text',
  'true',
  'an object of unknown names',
];

const HINTS = Object.fromEntries(
  ['retryAfter', 'retryable', 'errorClass', 'status', 'reason', 'isLogged'].map(
    (hint) => [`hints.${hint}`, 'all'] as const,
  ),
);

const DRAFT = { kind: 'handler', queue: 'x', type: 'x', context: {}, headers: {}, meta: {} };
const DRAFT_DEFAULTS = { maxRetries: 0, timeoutMs: 0, timeoutWithDeadlineMs: 0, retentionMs: 0 };
const SILENT: Row = { args: { fields: {}, message: 'x' }, takes: { fields: 'all', message: 'all' } };

/** A schedule that is in no world. It may be named by its ID alone. */
const NO_SCHEDULE = { id: 'none' };
/** Null counts as left out, as answers have it. */
const LEFT_OUT: Row['takes'] = Object.fromEntries(
  (
    'name owner businessId skipNext jitter maxRuns shards misfire overlap dialect every from at timezone calendar ' +
    'startsAt endsAt misfire.policy misfire.grace misfire.limit'
  )
    .split(' ')
    .map((field) => [`schedule.${field}`, ['null'] as const]),
);
const NAMED: Row['takes'] = { schedule: ['a text'], 'schedule.businessId': ['null'] };

const classes = ({ broker }: World): Record<string, Row> => ({
  'new Client': { args: { broker, options: {} } },
  'Client.enqueue': { args: { task: 'x', payload: 1, options: {} }, takes: { payload: PAYLOADS } },
  'Client.enqueueAndWait': {
    args: { task: 'x', payload: 1, options: { wait: '1ms' } },
    takes: { payload: PAYLOADS },
  },
  'Client.result': {
    args: { task: KNOWN, options: { wait: '1ms' } },
    called: { task: 'queue' },
    takes: { 'options.task': ['a text'] },
  },
  'Client.enqueueMany': {
    args: { tasks: [], options: {} },
    // A bad item is the outcome of that item.
    takes: { tasks: ['a list'], options: ['undefined'], 'options.outcomes': ['undefined', 'true'] },
  },
  // Programs that build their tasks themselves have them made by `makeTask`.
  'Client.submit': {
    args: { task: {} },
    isFlat: true,
    takes: { task: ['an object of unknown names'] },
  },
  'Client.use': { args: { middleware: report } },
  'Client.submitMany': { args: { tasks: [] } },
  'new Worker': { args: { broker, options: { runtime: {}, healthCheck: { report } } } },
  'Worker.handle': { args: { task: 'x', handler: report }, takes: { handler: ['a function'] } },
  'Worker.use': { args: { middleware: report } },
  'Worker.on': { args: { event: 'completed', listener: report } },
  'Worker.setQueues': { args: { queues: ['a'] } },
  'Worker.stop': { args: { options: {} } },
  'new Semaphore': { args: { broker, scope: 's', maxTokens: 1 } },
  'Semaphore.acquire': {
    args: { holder: KNOWN, until: { deadlineMs: 1 } },
    takes: { 'holder.meta': 'all' },
    called: { holder: 'id', until: 'deadlineMs' },
  },
  'Semaphore.release': { args: { holder: KNOWN }, takes: { 'holder.meta': 'all' }, called: { holder: 'id' } },
  'new Metrics': { args: { broker, options: { runtime: {} } } },
  'Metrics.text': { args: { query: {} } },
  'Metrics.families': { args: { query: {} } },
  'new Scheduler': { args: { broker, options: { runtime: {} } } },
  'Scheduler.register': {
    args: { spec: '@every 1h', task: { task: 'x' } },
    takes: { 'task.payload': PAYLOADS },
  },
  'Scheduler.unregister': { args: { entryId: 'none' } },
  'new PeriodicTaskManager': {
    args: { broker, options: { provider: () => [] } },
    takes: { 'options.provider': ['a function'] },
  },
  // What a handler computes wrongly must not hide why it failed.
  'new DeferError': { args: { reason: 'x', options: { delay: '1s' } }, takes: { reason: 'all' } },
  'new HandlerError': {
    args: { message: 'x', hints: {}, options: {} },
    takes: { message: 'all', ...HINTS, options: 'all' },
  },
  'new NonRetryableError': { args: { message: 'x', options: {} }, takes: { message: 'all', options: 'all' } },
  'new RevokeError': { args: { message: 'x', options: {} }, takes: { message: 'all', options: 'all' } },
});

const inspectors = ({ broker }: World): Record<string, Row> => ({
  'new Inspector': { args: { broker } },
  'Inspector.backup': { args: { path: '/nowhere/x.db', options: {} } },
  'new Schedules': { args: { broker, options: { runtime: {} } } },
  'Schedules.put': {
    args: { schedule: { id: 'daily', cron: '@daily', task: { task: 'x', queue: KNOWN.queue } }, options: {} },
    takes: { ...LEFT_OUT, 'schedule.task.payload': PAYLOADS },
  },
  'Schedules.get': { args: { schedule: NO_SCHEDULE }, takes: NAMED },
  'Schedules.list': { args: { query: {} } },
  'Schedules.iterate': { args: { query: {} } },
  'Schedules.pause': { args: { schedule: NO_SCHEDULE, options: {} }, takes: NAMED },
  'Schedules.resume': { args: { schedule: NO_SCHEDULE }, takes: NAMED },
  'Schedules.run': {
    args: { schedule: NO_SCHEDULE, options: {} },
    takes: { ...NAMED, 'options.payload': PAYLOADS },
  },
  'Schedules.preview': { args: { schedule: NO_SCHEDULE, options: {} }, takes: NAMED },
  'Schedules.fires': { args: { schedule: NO_SCHEDULE, options: {} }, takes: NAMED },
  'Schedules.remove': { args: { schedule: NO_SCHEDULE, options: {} }, takes: NAMED },
  'CalendarInspector.get': { args: { id: 'cn' } },
  'CalendarInspector.put': { args: { id: 'office', calendar: { name: 'x', off: [], on: [] }, options: {} } },
  'CalendarInspector.remove': { args: { id: 'office', options: {} } },
  'ClusterInspector.keySlot': { args: { queue: 'known' } },
  'ClusterInspector.nodes': { args: { queue: 'known' } },
  'MetricsInspector.history': {
    args: { request: { metric: 'failed', by: 'queue', step: 'minute', fromMs: 1, toMs: 60_000 } },
  },
  'QueueInspector.get': { args: { queue: 'known' } },
  'QueueInspector.history': { args: { queue: 'known', days: 1 } },
  'QueueInspector.groups': { args: { queue: 'known' } },
  'QueueInspector.pause': { args: { queue: 'known', reason: 'x' } },
  'QueueInspector.resume': { args: { queue: 'known' } },
  'QueueInspector.remove': { args: { queue: 'known', options: {} } },
  'SchedulerInspector.events': { args: { entryId: 'none', options: {} } },
  'SchedulerInspector.iterateEvents': { args: { entryId: 'none' } },
  'TaskInspector.list': { args: { queue: 'known', state: 'pending', options: {} } },
  'TaskInspector.iterate': { args: { queue: 'known', state: 'pending', options: {} } },
  'TaskInspector.get': { args: { task: KNOWN }, called: { task: 'id' } },
  'TaskInspector.run': { args: { task: KNOWN }, called: { task: 'id' } },
  'TaskInspector.archive': { args: { task: KNOWN }, called: { task: 'id' } },
  'TaskInspector.remove': { args: { task: KNOWN }, called: { task: 'id' } },
  'TaskInspector.updatePayload': { args: { task: KNOWN, payload: 1 }, called: { task: 'id' } },
  'TaskInspector.log': { args: { task: KNOWN }, called: { task: 'id' } },
  'TaskInspector.cancel': { args: { task: KNOWN, cancellation: {} }, called: { task: 'id' } },
  'TaskInspector.publishAsynqCancel': { args: { task: KNOWN }, called: { task: 'id' } },
  'TaskInspector.runAll': { args: { queue: 'known', state: 'archived', options: {} } },
  'TaskInspector.archiveAll': { args: { queue: 'known', state: 'retry', options: {} } },
  'TaskInspector.removeAll': { args: { queue: 'known', state: 'archived', options: {} } },
});

const functions = ({ broker }: World): Record<string, Row> => ({
  // Of Redis, which has the most options. Nothing listens there.
  connect: { args: { url: 'redis://127.0.0.1:1', options: {} }, called: { url: 'broker URL' } },
  defineTask: { args: { type: 'x', options: {} } },
  runUntilSignal: {
    args: { worker: { start: async () => {}, stop: async () => {} } },
  },
  fsck: { args: { broker, options: {} } },
  createMaintenance: { args: { deps: { broker, queues: () => [], runtime: engine.createRuntime() } } },
  createRuntime: { args: { overrides: {}, fallback: engine.silentLog }, called: { overrides: 'runtime' } },
  makeTask: {
    args: { draft: DRAFT, defaults: DRAFT_DEFAULTS, runtime: engine.createRuntime() },
    isFlat: true,
    called: { draft: 'kind', defaults: 'maxRetries' },
  },
  createJsonLog: { args: { options: { level: 'info', output: { write: report, takeDropped: () => 0 } } } },
  writtenFields: { args: { fields: {}, isWritten: () => true } },
  // It takes everything, and writes nothing.
  'silentLog.debug': SILENT,
  'silentLog.info': SILENT,
  'silentLog.warn': SILENT,
  'silentLog.error': SILENT,

  createLoop: { args: { deps: { name: 'x', runtime: engine.createRuntime(), step: async () => 1_000 } } },
  dial: {
    args: { options: { host: '127.0.0.1', port: 1, clock: engine.systemClock, signal: AbortSignal.abort() } },
  },
  within: { args: { clock: engine.systemClock, ms: 1, work: async () => {} } },
  makeFolder: { args: { path: '/nowhere' } },
  'systemClock.sleep': { args: { ms: 1, signal: AbortSignal.abort(), dueMs: 1 } },
  'systemClock.after': { args: { ms: 1, act: report } },
  'systemClock.every': { args: { ms: 1, act: report } },
  createTestBroker: { args: { options: {} } },
  'TestClock.advance': { args: { time: '1s' } },
  'TestClock.sleep': { args: { time: 0, options: {} } },
  'new TaskCenterError': {
    args: { code: 'broker-closed', details: { broker: 'x' }, options: {} },
    takes: { details: 'all', options: 'all' },
  },
  withoutStack: { args: { error: new Error('x') }, isFlat: true },
  shown: { args: { value: 1 } },
  ownFaultOf: { args: { error: null } },
  backoffMs: { args: { n: 1, backoff: { kind: 'asynq' }, chance: 0 } },
  contextOf: { args: { headers: {} } },
  headersWith: { args: { context: {}, headers: {} } },
  logicalQueue: { args: { stored: 'x' } },
  plainTaskId: { args: { stored: 'x', business: null } },
  storedQueue: { args: { name: 'x', kind: 'handler' } },
  storedQueues: { args: { name: 'x' } },
  storedTaskId: { args: { id: 'x', business: null } },
  // They say whether a value is one, whatever it is.
  isTaskCenterError: { args: { error: null, code: 'broker-closed' }, takes: { code: 'all' } },
  isTaskId: { args: { id: 'x' }, takes: { id: 'all' } },
  nameFault: { args: { name: 'x' }, takes: { name: 'all' } },
  queueNameFault: { args: { name: 'x' }, takes: { name: 'all' } },
  parseDuration: { args: { text: '1s' }, takes: { text: 'all' } },
  traceIdOf: { args: { traceparent: 'x' }, takes: { traceparent: 'all' } },
  duration: { args: { text: '1s' }, takes: { text: ['a number'] }, called: { text: 'duration' } },
  durationMs: { args: { value: '1s', name: 'x' }, takes: { name: 'all' }, called: { value: 'x' } },
  // What cannot be kept is replaced by a remark.
  'HandlerContext.record': { args: { facts: {}, note: 'x' }, takes: { facts: 'all', note: 'all' } },
  'HandlerContext.progress': { args: { percent: 1, message: 'x' } },
  'HandlerContext.setResult': { args: { value: 1 } },
  'new Events': { args: { onError: report } },
  'Events.on': { args: { name: 'attempt.started', listener: report } },
  'Events.has': { args: { name: 'attempt.started' }, takes: { name: 'all' } },
  // Nobody listens to a name that is none.
  'Events.emit': { args: { name: 'attempt.started', event: {} }, takes: { name: 'all', event: 'all' } },
});

export const rowsOf = (world: World): Readonly<Record<string, Row>> => ({
  ...classes(world),
  ...inspectors(world),
  ...useCaseRows(world),
  ...functions(world),
});

/** The object on which methods of a class or an interface are called. */
function receiverOf(name: string, { broker, context }: World): object {
  const inspector = new engine.Inspector(broker);
  const receivers: Readonly<Record<string, () => object>> = {
    Client: () => new engine.Client(broker),
    Worker: () => new engine.Worker(broker),
    Semaphore: () => new engine.Semaphore(broker, 's', 1),
    Metrics: () => new engine.Metrics(broker),
    MetricsInspector: () => inspector.metrics,
    Scheduler: () => new engine.Scheduler(broker),
    Inspector: () => inspector,
    BrokerInspector: () => inspector.broker,
    Schedules: () => new engine.Schedules(broker),
    CalendarInspector: () => inspector.calendars,
    ClusterInspector: () => inspector.cluster,
    QueueInspector: () => inspector.queues,
    SchedulerInspector: () => inspector.schedulers,
    TaskInspector: () => inspector.tasks,
    HandlerContext: () => context,
    Events: () => new engine.Events(),
    control: () => engine.control,
    systemClock: () => engine.systemClock,
    silentLog: () => engine.silentLog,
    TestClock: () => createTestBroker().clock,
  };
  return receivers[name]?.() ?? {};
}

const callable = (value: unknown): ((...args: unknown[]) => unknown) => {
  if (typeof value !== 'function') throw new Error('there is no such function');
  return value as (...args: unknown[]) => unknown;
};

/** Finds what a path of the declarations names, ready to be called. */
export function callOf(path: string, world: World): (...args: unknown[]) => unknown {
  const exported: Readonly<Record<string, unknown>> = { ...engine, createTestBroker };
  const [first = '', method] = path.split('.');
  if (path.startsWith('new ')) {
    const name = path.slice(4);
    const Class = exported[name] as new (...args: unknown[]) => unknown;
    return (...args) => new Class(...args);
  }
  if (method === undefined) return callable(exported[first]);
  const receiver = receiverOf(first, world) as Readonly<Record<string, unknown>>;
  return (...args) => callable(receiver[method]).apply(receiver, args);
}
