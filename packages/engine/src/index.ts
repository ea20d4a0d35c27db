/// <reference types="node" preserve="true" />
// The public names of the library, one by one. What is not here is internal and may change in any version.

// Every program opens its broker once, and hands it to whatever uses it.
export { connect, type ConnectOptions } from './connect.ts';

// Enqueueing. `Client` is what applications use. `makeTask` is for programs that check the options of a task themselves, such
// as the HTTP service, and then call `Client.submit`.
export { Client, type ClientOptions, type EnqueueManyOptions } from './client/client.ts';
export type { EnqueuedTask, EnqueueResult, NotStored } from './client/outcomes.ts';
export type { ResultAddress, ResultOptions, WaitOptions } from './client/wait-for-result.ts';
export type { DraftDefaults, TaskDraft } from './client/make-task.ts';
export { defineTask, type TaskDefaults, type TaskDefinition, type TaskOptions } from './task/define-task.ts';
export type { TaskToEnqueue } from './client/prepare-task.ts';
export type { ClientMiddleware } from './client/middleware.ts';
export type { EnqueueOptions } from './client/enqueue-options.ts';
export type { BackoffOptions } from './task/backoff-options.ts';

// Running tasks. A handler throws one of the three errors to say what its failure means: hints for the retry, no retry, or removal.
export { Worker } from './worker/worker.ts';
export type { Admission, Postponement } from './worker/admission.ts';
export type { AggregatedGroup, AggregationOptions, GroupedTask } from './worker/aggregate/rules.ts';
export {
  DeferError,
  HandlerError,
  NonRetryableError,
  RevokeError,
  type DeferOptions,
  type HandlerErrorHints,
} from './errors/handler-errors.ts';
export { runUntilSignal, type Runnable } from './worker/run-until-signal.ts';
export type { HealthCheck } from './worker/health-check.ts';
export type { WorkerOptions } from './worker/options.ts';
export type { StopOptions } from './worker/worker.ts';
export type { FailureOptions, WorkerProfile } from './worker/run/attempt-rules.ts';
export type { OrderKind, WorkerQueues } from './worker/fetch/queue-order.ts';
export type { TaskLogLine } from './worker/run/task-log.ts';
export type { AttemptEvent, WorkerEvents } from './worker/worker-events.ts';
export type { HandledTask, Handler, HandlerContext, Middleware } from './worker/run/handlers.ts';

// Looking at queues and tasks, and acting on them.
export { Inspector, type ShownRunningTask, type ShownServer } from './inspector/inspector.ts';
export type { BrokerInspector } from './inspector/broker-inspector.ts';
export type { CalendarInspector, ExpectedVersion } from './inspector/calendar-inspector.ts';
export type { ClusterInspector } from './inspector/cluster-inspector.ts';
export type { MetricsInspector } from './inspector/metrics-inspector.ts';
export type { QueueInspector } from './inspector/queue-inspector.ts';
export type { EntryInfo, SchedulerInspector } from './inspector/scheduler-inspector.ts';
export type { TaskInfo, TaskInfoPage } from './inspector/task-info.ts';
export type { TaskInspector } from './inspector/task-inspector.ts';
// For programs that are a door to a broker themselves, such as the HTTP service. Others use `Inspector`, which calls the same.
export * as control from './control/index.ts';
export type {
  BrokerState,
  BulkOptions,
  CalendarContent,
  CalendarInfo,
  CalendarInput,
  CancelResult,
  EventPageOptions,
  IterateOptions,
  LastMinute,
  MetricsHistory,
  MetricsHistoryRequest,
  PageOptions,
  QueueInfo,
  RemoveQueueOptions,
  SchedulerEntry,
  ShownPayload,
  ShownResult,
  TaskAddress,
} from './control/index.ts';
// Finds and repairs faults of stored data. Also the command `fsck`.
export { fsck, type Finding, type FsckOptions, type FsckReport } from './control/fsck.ts';

// Beside a worker: a limit that many processes share.
export { Semaphore, type TokenHolder } from './limits/semaphore.ts';
// Figures for Prometheus. What the process counts is in a registry, to which programs such as the service add.
export { Metrics, type MetricsOptions, type MetricsQuery } from './metrics/metrics.ts';
export type { MetricFamily, Sample } from './metrics/samples.ts';
export type { Registry } from './metrics/registry.ts';
export type { Counter, Gauge, Histogram } from './metrics/handles.ts';

// Tasks that repeat, by cron within a process. The entries live as long as their process, as in Asynq.
export type { FiringHooks, FiringOutcome } from './asynq-scheduler/firings.ts';
export { Scheduler, type SchedulerOptions } from './asynq-scheduler/scheduler.ts';
export {
  PeriodicTaskManager,
  type PeriodicTask,
  type PeriodicTaskManagerOptions,
} from './asynq-scheduler/periodic-task-manager.ts';

// Schedules that the broker keeps: each fires once, however many processes run.
export { Schedules, type PreviewQuery, type ScheduleQuery, type ScheduleRun } from './schedules/schedules.ts';
export type { SchedulesOptions, ScheduleVersion } from './schedules/schedules.ts';
export type { ScheduleOptions, ScheduleTimesOptions, TaskOfSchedule } from './schedules/schedule-options.ts';
export type { Schedule, ScheduleFire, UpcomingScheduleFire } from './schedules/stored-schedule.ts';
export type { ScheduleAddress } from './control/index.ts';

// A worker runs the loops of maintenance for its queues. A service without workers of its own runs them with this.
export { createMaintenance, type Maintenance } from './loops/maintenance.ts';

// Errors of the library have a stable code. `codes` has all of them, with the texts.
export { codes, type ErrorCode } from './errors/codes.ts';
export type { FailedItem, StoredItem, UnknownItem } from './errors/some-not-stored.ts';
export { isTaskCenterError, shown, TaskCenterError } from './errors/task-center-error.ts';

// What code needs from its surroundings: time, chance, log and events. Tests and hosts replace them. The other functions help
// a program to read durations, run loops, connect and make folders as the library does.
export { duration, durationMs } from './checks/duration.ts';
export type { Clock } from './runtime/clock.ts';
export { ownFaultOf, type OwnFault } from './runtime/own-faults.ts';
export type { DialOptions } from './runtime/dial.ts';
export { Events, type EngineEvents, type TaskRef } from './runtime/events.ts';
export type { Loop } from './runtime/loop.ts';
// Given to a runtime, it tells which loops of the process hang.
export { LoopWatch, type LoopState, type WatchedLoop } from './runtime/loop-watch.ts';
export type { LeveledLog, LogOutput } from './runtime/json-log.ts';
export { silentLog, type Log, type LogLevel } from './runtime/log.ts';
export { createRuntime, type Runtime } from './runtime/runtime.ts';

export {
  backoffMs,
  contextOf,
  createJsonLog,
  createLoop,
  dial,
  headersWith,
  logicalQueue,
  makeFolder,
  makeTask,
  plainTaskId,
  storedQueue,
  storedQueues,
  storedTaskId,
  systemClock,
  within,
  withoutStack,
  writtenFields,
} from './lent.ts';

// The interface of a broker, facet by facet: what `connect` returns. Its README says who calls what. Most programs use the
// classes above instead, which check what they are given; a broker takes it as it is.
export type { TaskMeta } from './task/meta.ts';
export type { KeptLine, TaskLog, TaskProgress } from './task/task-notes.ts';
export type { Broker } from './broker/broker.ts';
export type { Backup, BackupFile, BackupOptions } from './broker/backup.ts';
export { FAULT_KINDS, type Check, type Fault, type FaultKind, type Candidate } from './broker/check.ts';
export type { ClusterNode, ClusterView } from './broker/cluster.ts';
export type {
  Consume,
  EarlyResult,
  Finish,
  FinishOutcome,
  Lease,
  LeasedTask,
  Exchange,
  ExchangeOutcome,
} from './broker/consume.ts';
export type {
  BulkOutcome,
  BulkState,
  BulkStep,
  TaskAction,
  Cancellation,
  Control,
  ControlOutcome,
} from './broker/control.ts';
export {
  ALLOWABLE_FINDINGS,
  FINDING_CODES,
  type AllowableFinding,
  type BrokerFacts,
  type BrokerFinding,
  type FindingCode,
  type Findings,
} from './broker/findings.ts';
export type { Documents, StoredDocument } from './broker/documents.ts';
export type {
  AggregationSet,
  FinishedSet,
  GroupRules,
  Groups,
  GroupSearchStep,
  SetContent,
} from './broker/groups.ts';
export type {
  BusinessFilter,
  DayCounts,
  FoundTask,
  GroupSize,
  Inspect,
  ListRequest,
  Anomalies,
  QueueFacts,
  TaskPage,
  TaskRecord,
} from './broker/inspect.ts';
export type { Forwarded, Maintain, Recovered, Step } from './broker/maintain.ts';
export type { Presence, RunningTask, ServerRecord, ServerStatus } from './broker/presence.ts';
export type { AcquireCall, Semaphores } from './broker/semaphores.ts';
export type { Claim, ClaimCall, ClaimRef, Claims } from './broker/claims.ts';
export {
  MAX_EVENTS,
  type EnqueueEvent,
  type EntryRecord,
  type EventPage,
  type SchedulerEntries,
} from './broker/scheduler-entries.ts';
export type { KnownDue, Signals } from './broker/signals.ts';
export type { CallOptions } from './broker/call-options.ts';
export type { Durability, EnqueueCallOptions, EnqueueOutcome, NewTask, Submit } from './broker/submit.ts';

// Knowledge that the HTTP contract and browsers have, too. It is from the model, and pure.
export {
  BUILT_IN_QUEUES,
  DEFAULT_RETRY_POLICY,
  FINAL_STATES,
  isTaskId,
  nameFault,
  parseDuration,
  PATIENT_RETRY_POLICY,
  queueNameFault,
  TASK_STATES,
  traceIdOf,
  WAITING_STATES,
  type AttemptError,
  type AttemptRecord,
  type Backoff,
  type Duration,
  type DurationText,
  type FailureHints,
  type ListedState,
  type RetryPolicy,
  type TaskContext,
  type TaskKind,
  type TaskState,
} from '@task-center/model';
