export { batchInput, type BatchAnswer, type BatchInput, type BatchItem } from './batches/schemas.ts';
export type { Calendar } from './calendars/schemas.ts';
export { shownBackoff } from './tasks/backoff.ts';
export {
  DEFAULT_CONNECT_TIMEOUT,
  type Callback,
  type CallbackBody,
  type CallbackInput,
  type CallbackMethod,
  type CheckedCallback,
} from './tasks/callback.ts';
export {
  ApiError,
  createApiClient,
  type ApiClient,
  type ApiClientOptions,
  type CallInput,
} from './client.ts';
export { didYouMean } from '@task-center/model';
export { gotOf, itemAt, itemsOf, pointerOf, type ItemPath } from './issues.ts';
export { limits } from './limits.ts';
export { mergePatch, type Patch } from './merge-patch.ts';
export { HISTORY_METRICS, type MetricsHistory } from './metrics/schemas.ts';
export { openapi } from './openapi/document.ts';
export { problems, type ItemLocation, type Problem, type ProblemCode, type ProblemItem } from './problem.ts';
export { COUNTED_STATES, type CountedState, type Queue } from './queues/schemas.ts';
export { RawJson, stringify } from './raw-json.ts';
export type { Method, Route, RouteRole } from './route.ts';
export type { AnswerOf, BodyInputOf, BodyOf, ParamsOf, QueryInputOf, QueryOf } from './operations.ts';
export { routeList, routes, type OperationId, type Routes } from './contract.ts';
export { formatApiKey, parseApiKey, type ApiKey } from './access/api-key.ts';
export { ROLES, type Me, type Role } from './access/schemas.ts';
export type { BrokerState } from './broker/schemas.ts';
export {
  namedSchedule,
  type CheckedSchedule,
  type NamedSchedule,
  type ScheduleInput,
} from './schedules/fields.ts';
export { type Fire, type Schedule, type SchedulePreview } from './schedules/schemas.ts';
export type { Health, Version } from './service/schemas.ts';
export {
  LISTED_STATES,
  TASK_PARTS,
  type Attempt,
  type ListedState,
  type Task,
  type TaskPart,
} from './tasks/schemas.ts';
export {
  batchDefaults,
  PRIORITIES,
  priorityQueues,
  taskInput,
  type CheckedTask,
  type Priority,
  type TaskInput,
} from './tasks/input.ts';
export { isList } from './strict.ts';
export { businessId, CONDITION_PATTERN, queueName, timeText, tracestate } from './values.ts';
export { conditionsOf, etagOf, type Condition } from './versions.ts';
