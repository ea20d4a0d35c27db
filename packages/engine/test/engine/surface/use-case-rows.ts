import { systemClock } from '../../../src/runtime/clock.ts';
import { KNOWN, type Row, type World } from './row.ts';

const list = { queue: KNOWN.queue, state: 'pending' };
const position = { kindIndex: 0, cursor: null };
const record = { payload: null, result: null };
const search = { id: KNOWN.id, filter: { any: true }, seesQueue: () => true };
const change = { queue: KNOWN.queue, action: 'remove', state: 'archived', options: {} };

/** Of the use cases behind the Inspector, which programs call that are a door to a broker themselves. */
export function useCaseRows({ broker }: World): Record<string, Row> {
  const ofBroker: Row = { args: { broker } };
  const ofQueue: Row = { args: { broker, queue: KNOWN.queue } };
  const ofLogical: Row = { args: { broker, name: KNOWN.queue } };
  const ofTask: Row = { args: { broker, task: { ...KNOWN, storedId: KNOWN.id } }, called: { task: 'queue' } };
  const withTask = (more: Row['args']): Row => ({ ...ofTask, args: { ...ofTask.args, ...more } });
  const rows: Record<string, Row> = {
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
    getLogicalQueues: { args: { broker, names: [KNOWN.queue] } },
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
