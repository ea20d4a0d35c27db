import type { Handlers } from './call.ts';
import { submitBatch } from './batches/handlers.ts';
import { listTasks } from './tasks/list.ts';
import { getPage } from './service/page.ts';
import { getQueue, listQueues, pauseQueue, resumeQueue } from './queues/handlers.ts';
import { submitTask } from './tasks/submit.ts';
import { getHealth, getMe, getOpenapi, getReadiness, getStartup, getVersion } from './service/handlers.ts';
import { cancelTask, deleteTask, getTask } from './tasks/handlers.ts';

/**
 * The handler of each operation. To add an operation, add its handler here; the route table of `@task-center/api`
 * requires it.
 */
export const handlers: Handlers = {
  submitTask,
  submitBatch,
  listTasks,
  getTask,
  cancelTask,
  deleteTask,
  listQueues,
  getQueue,
  pauseQueue,
  resumeQueue,
  getMe,
  getHealth,
  getReadiness,
  getStartup,
  getVersion,
  getOpenapi,
  getPage,
};
