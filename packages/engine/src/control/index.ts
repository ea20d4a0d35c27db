/**
 * The use cases: one function for each thing that people look at or do. Each checks names and states, calls the broker,
 * and throws a `TaskCenterError`. `Inspector`, the HTTP API and the command line go through them, and an action means the
 * same everywhere. See docs/design/engine.md#use-cases.
 */
export { changeAll, type BulkOptions } from './bulk.ts';
export {
  countLogicalTasks,
  LIST_START,
  listLogicalTasks,
  listTasks,
  type ListPosition,
  type PageOptions,
} from './list-tasks.ts';
export { findTasks, locateTask, type LocatedTask, type TaskAddress, type TaskMatch } from './locate-task.ts';
export {
  getLogicalQueues,
  listLogicalQueues,
  listStoredQueues,
  pauseLogicalQueue,
  requireLogicalQueue,
  resumeLogicalQueue,
  type LogicalQueueFacts,
} from './logical-queues.ts';
export {
  getHistory,
  getQueue,
  listGroups,
  listQueues,
  pauseQueue,
  resumeQueue,
  type QueueInfo,
} from './queues.ts';
export { removeQueue, type RemoveQueueOptions } from './remove-queue.ts';
export {
  listEnqueueEvents,
  listSchedulerEntries,
  type EventPageOptions,
  type SchedulerEntry,
} from './scheduler-entries.ts';
export { getClusterInfo, getClusterKeySlot, listClusterNodes, listServers } from './servers.ts';
export {
  archiveTask,
  cancelWaiting,
  encodeNewPayload,
  getTask,
  publishAsynqCancel,
  removeTask,
  runTask,
  updateTaskPayload,
} from './tasks.ts';
