export { batchInput, type BatchAnswer, type BatchInput, type BatchItem } from './batches/schemas.ts';
export type { Callback, CallbackInput, CheckedCallback } from './tasks/callback.ts';
export {
  ApiError,
  createApiClient,
  type ApiClient,
  type ApiClientOptions,
  type CallInput,
} from './client.ts';
export { didYouMean } from './did-you-mean.ts';
export { parseDuration, formatDuration } from './duration.ts';
export { gotOf, itemAt, itemsOf, pointerOf } from './issues.ts';
export { limits } from './limits.ts';
export { openapi } from './openapi.ts';
export { problems, type ItemLocation, type Problem, type ProblemCode, type ProblemItem } from './problem.ts';
export type { Queue } from './queues/schemas.ts';
export { RawJson, stringify } from './raw-json.ts';
export type { Method, Route, RouteRole } from './route.ts';
export type { AnswerOf, BodyInputOf, BodyOf, ParamsOf, QueryInputOf, QueryOf } from './operations.ts';
export { routeList, routes, type OperationId, type Routes } from './contract.ts';
export { ROLES, type Me, type Role } from './access/schemas.ts';
export type { Health, Version } from './service/schemas.ts';
export {
  KINDS,
  LISTED_STATES,
  TASK_PARTS,
  TASK_STATES,
  type Attempt,
  type ListedState,
  type Task,
  type TaskPart,
  type TaskState,
} from './tasks/schemas.ts';
export {
  batchDefaults,
  PRIORITIES,
  priorityQueues,
  taskInput,
  type BackoffInput,
  type CheckedTask,
  type Priority,
  type RetryInput,
  type TaskInput,
} from './tasks/input.ts';
export { businessId, instantMs, queueName, timeText, tracestate } from './values.ts';
