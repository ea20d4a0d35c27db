/**
 * The use cases: one function for each thing that people look at or do. Each checks names and states, calls the broker,
 * and throws a `TaskCenterError`. `Inspector`, the HTTP API and the command line go through them, and an action means the
 * same everywhere. See docs/design/engine.md#use-cases.
 */
export type { LocatedTask, TaskAddress, TaskList } from './arguments.ts';
export * from './backup.ts';
export * from './broker.ts';
export * from './bulk.ts';
export * from './calendars.ts';
export type { BulkOptions } from './change-in-steps.ts';
export * from './contents.ts';
export * from './iterate-tasks.ts';
export * from './last-minutes.ts';
export * from './list-fires.ts';
export * from './list-tasks.ts';
export * from './locate-task.ts';
export * from './logical-queues.ts';
export * from './metrics-history.ts';
export * from './preview-schedule.ts';
export { checkSchedule, putSchedule, putSchedules, type SchedulePutResult } from './put-schedules.ts';
export * from './queues.ts';
export * from './remove-queue.ts';
export * from './run-schedule.ts';
export type { ScheduleInput } from './schedule-arguments.ts';
export type { ScheduleAddress, ScheduleInfo } from './schedule-info.ts';
export * from './scheduler-entries.ts';
export * from './schedules.ts';
export * from './servers.ts';
export * from './tasks.ts';
export type { VersionChange, VersionTest } from './versions.ts';
