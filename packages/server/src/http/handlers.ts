import { accessHandlers } from './access/handlers.ts';
import { batchHandlers } from './batches/handlers.ts';
import type { Handlers } from './call.ts';
import { queueHandlers } from './queues/handlers.ts';
import { serviceHandlers } from './service/handlers.ts';
import { taskHandlers } from './tasks/handlers.ts';

/** The handler of each operation. It does not compile while a route of the contract has none. */
export const handlers: Handlers = {
  ...taskHandlers,
  ...batchHandlers,
  ...queueHandlers,
  ...accessHandlers,
  ...serviceHandlers,
};
