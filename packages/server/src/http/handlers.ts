import type { Handlers } from './call.ts';
import { submitBatch } from './routes/batches.ts';
import { listTasks } from './routes/list-tasks.ts';
import { getPage } from './routes/page.ts';
import { getQueue, listQueues, pauseQueue, resumeQueue } from './routes/queues.ts';
import { submitTask } from './routes/submit.ts';
import { getHealth, getMe, getOpenapi, getReadiness, getStartup, getVersion } from './routes/system.ts';
import { cancelTask, deleteTask, getTask } from './routes/tasks.ts';

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
