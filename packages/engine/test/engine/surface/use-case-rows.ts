import { systemClock } from '../../../src/runtime/clock.ts';
import { KNOWN, type Row, type World } from './row.ts';

const list = { queue: KNOWN.queue, state: 'pending' };
const position = { kindIndex: 0, cursor: null };
const record = { payload: null, result: null };
const search = { id: KNOWN.id, filter: { any: true }, seesQueue: () => true };
const change = { queue: KNOWN.queue, action: 'remove', state: 'archived', options: {} };

const nulls = (...names: string[]) => Object.fromEntries(names.map((name) => [name, null]));

/** A schedule that is in no world. */
const address = { id: 'none' };
const settings = {
  id: 'one',
  times: { kind: 'every', everyMs: 3_600_000, from: 'start' },
  timezone: 'UTC',
  misfire: { policy: 'skip', graceMs: 60_000, limit: 1 },
  overlap: 'allow',
  skipNext: 0,
  jitterMs: 0,
  shards: 1,
  // What may be null.
  ...nulls('name', 'owner', 'businessId', 'calendar', 'startsAtMs', 'endsAtMs', 'maxRuns'),
};
const task = {
  ...KNOWN,
  type: 'x',
  headers: {},
  meta: {},
  maxRetries: 0,
  timeoutMs: 0,
  deadlineMs: 0,
  retentionMs: 0,
  delayMs: 0,
  runAtMs: 0,
  uniqueMs: 0,
  ...nulls('payload', 'group'),
};
const input = { settings, task, source: 'client' };
const fires = { limit: 1, after: null };
const history = { metric: 'failed', by: 'queue', step: 'minute', fromMs: 0, toMs: 1 };

/** Of those of schedules. */
function scheduleRows({ broker }: World): Record<string, Row> {
  const ofSchedule = (more: Row['args'] = {}): Row => ({
    args: { broker, address, ...more },
    called: { address: 'schedule' },
    // Null counts as left out, as answers have it.
    takes: { 'address.businessId': ['null'] },
  });
  // Whatever a task carries beside its fields stays with it.
  const putting: Row = {
    args: { broker, input },
    takes: { 'input.task.meta': ['an object of unknown names'] },
  };
  return {
    checkSchedule: putting,
    countSchedules: { args: { broker, queues: [], businesses: null } },
    getSchedule: ofSchedule(),
    iterateSchedules: { args: { broker, options: {} } },
    listFires: { args: { broker, options: fires } },
    listFiresOf: ofSchedule({ options: fires }),
    listSchedules: { args: { broker, options: { limit: 1, after: null } } },
    listUpcoming: { args: { broker, options: { span: { fromMs: 0, toMs: 1 }, limit: 1 } } },
    pauseSchedule: ofSchedule({ options: {} }),
    previewDraft: { args: { broker, draft: { settings, queue: KNOWN.queue }, options: { limit: 1 } } },
    previewSchedule: ofSchedule({ options: { limit: 1 } }),
    putSchedule: putting,
    putSchedules: { args: { broker, inputs: [] } },
    removeSchedule: ofSchedule({ change: {} }),
    resumeSchedule: ofSchedule({ change: {} }),
    runSchedule: ofSchedule({ options: {} }),
  };
}

/** Of the use cases behind the Inspector, which programs call that are a door to a broker themselves. */
export function useCaseRows(world: World): Record<string, Row> {
  const { broker } = world;
  const ofBroker: Row = { args: { broker } };
  const ofQueue: Row = { args: { broker, queue: KNOWN.queue } };
  const ofLogical: Row = { args: { broker, name: KNOWN.queue } };
  const ofTask: Row = { args: { broker, task: { ...KNOWN, storedId: KNOWN.id } }, called: { task: 'queue' } };
  const withTask = (more: Row['args']): Row => ({ ...ofTask, args: { ...ofTask.args, ...more } });
  const rows: Record<string, Row> = {
    ...scheduleRows(world),
    archiveTask: ofTask,
    cancelTask: withTask({ cancellation: {} }),
    changeCalendar: {
      args: { broker, edit: { id: 'none', change: () => ({}) }, options: {} },
      called: { edit: 'id' },
    },
    changeAll: { args: { broker, bulk: change }, called: { bulk: 'queue' } },
    countLogicalTasks: { args: { broker, list }, called: { list: 'queue' } },
    encodeNewPayload: { args: { payload: 1 } },
    findTasks: { args: { broker, search }, called: { search: 'id' } },
    getBrokerState: ofBroker,
    getCalendar: { args: { broker, id: 'none' } },
    getClusterInfo: ofBroker,
    getClusterKeySlot: ofQueue,
    getHistory: { args: { broker, queue: KNOWN.queue, days: 1 } },
    getLastMinutes: { args: { broker, queues: [KNOWN.queue] } },
    getLogicalLastMinutes: { args: { broker, names: [KNOWN.queue] } },
    getLogicalQueueMemory: { args: { broker, names: [KNOWN.queue] } },
    getLogicalQueues: { args: { broker, names: [KNOWN.queue] } },
    metricsHistoryFault: { args: { request: history } },
    readMetricsHistory: { args: { broker, request: history } },
    getQueue: ofQueue,
    getTask: ofTask,
    getTaskLog: ofTask,
    isBrokerUnsafe: ofBroker,
    iterateEnqueueEvents: { args: { broker, entryId: 'none' } },
    iterateQueues: ofBroker,
    iterateTasks: { args: { broker, list, options: {} }, called: { list: 'queue' } },
    listCalendars: ofBroker,
    listClusterNodes: ofQueue,
    listEnqueueEvents: { args: { broker, entryId: 'none', options: {} } },
    listGroups: ofQueue,
    listLogicalQueues: { args: { broker, businesses: null } },
    listLogicalTasks: {
      args: { broker, list, options: { limit: 1, from: position, clock: systemClock } },
      called: { list: 'queue' },
    },
    listQueues: ofBroker,
    listSchedulerEntries: ofBroker,
    listServers: ofBroker,
    listStoredQueues: ofLogical,
    listTasks: { args: { broker, list, options: {} }, called: { list: 'queue' } },
    locateTask: { args: { broker, task: KNOWN }, called: { task: 'id' }, takes: { task: ['a text'] } },
    mayHoldTasksOf: { args: { broker, name: KNOWN.queue, businesses: null } },
    openBackup: { args: { broker, options: {} } },
    pauseLogicalQueue: { args: { broker, name: KNOWN.queue, reason: 'x' } },
    pauseQueue: { args: { broker, queue: KNOWN.queue, reason: 'x' } },
    putCalendar: { args: { broker, put: { id: 'one', calendar: {} }, options: {} }, called: { put: 'id' } },
    publishAsynqCancel: { args: { broker, task: KNOWN }, called: { task: 'id' } },
    removeCalendar: { args: { broker, id: 'none', options: {} } },
    removeQueue: { args: { broker, queue: KNOWN.queue, options: {} } },
    removeTask: ofTask,
    requireLogicalQueue: { args: { broker, name: KNOWN.queue, businesses: null } },
    requireQueue: ofQueue,
    resumeLogicalQueue: ofLogical,
    resumeQueue: ofQueue,
    runTask: ofTask,
    showContents: { args: { record }, called: { record: 'payload' } },
    showPayload: { args: { record }, called: { record: 'payload' } },
    updateTaskPayload: withTask({ payload: null }),
    writeBackup: { args: { broker, path: '/nowhere/x.db', options: {} } },
  };
  return Object.fromEntries(Object.entries(rows).map(([name, row]) => [`control.${name}`, row]));
}
