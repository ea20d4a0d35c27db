// The contract: every operation by its ID. Validation, OpenAPI, authorisation, the audit log and the client all read
// this table. See docs/design/http-api.md#resources.

import { accessRoutes } from './access/routes.ts';
import { batchRoutes } from './batches/routes.ts';
import { brokerRoutes } from './broker/routes.ts';
import { calendarRoutes } from './calendars/routes.ts';
import { metricRoutes } from './metrics/routes.ts';
import { queueRoutes } from './queues/routes.ts';
import type { Route } from './route.ts';
import { scheduleRoutes } from './schedules/routes.ts';
import { serviceRoutes } from './service/routes.ts';
import { taskRoutes } from './tasks/routes.ts';

const { submitTask, ...otherTaskRoutes } = taskRoutes;

/** The routes of all resources, in the order of the OpenAPI document. The two ways to submit, one task or a batch, come first. */
export const routes = {
  submitTask,
  ...batchRoutes,
  ...otherTaskRoutes,
  ...queueRoutes,
  ...scheduleRoutes,
  ...calendarRoutes,
  ...accessRoutes,
  ...metricRoutes,
  ...brokerRoutes,
  ...serviceRoutes,
} as const satisfies Record<string, Route>;

export type Routes = typeof routes;
export type OperationId = keyof Routes;

/** The table as a list, in the order of the table. */
export const routeList: readonly (Route & { readonly operationId: OperationId })[] = Object.entries(
  routes as Record<OperationId, Route>,
).map(([operationId, route]) => ({ ...route, operationId: operationId as OperationId }));
