// One example of each operation: what is sent, if it has a body, and a good answer. The types keep them true, and a test
// checks them with the schemas of the document. Times and IDs are those of one story: a shop in November 2026, whose orders and invoices are
// delivered to its own systems, and a report that is made each morning.

import type { Calendar } from '../calendars/schemas.ts';
import type { OperationId } from '../contract.ts';
import type { AnswerOf, BodyInputOf } from '../operations.ts';
import type { Queue } from '../queues/schemas.ts';
import type { Task } from '../tasks/schemas.ts';
import {
  dailyReport,
  reportFire,
  reportFires,
  reportOrigin,
  reportPreview,
  reportSchedule,
} from './schedule-examples.ts';

/** What is sent, for the operations that take a body. */
type Body<O extends OperationId> = [BodyInputOf<O>] extends [undefined]
  ? {}
  : { readonly body: BodyInputOf<O> };
/** An answer that is sent as bytes is shown by its first characters. */
type Answer<O extends OperationId> = AnswerOf<O> extends ReadableStream ? string : AnswerOf<O>;
type Example<O extends OperationId> = Body<O> & { readonly answer: Answer<O> };

/** A callback that waits for its time, without its parts: as lists and batches show it. */
const listedTask: Task = {
  id: 'invoice-4711',
  kind: 'callback',
  type: 'invoice.send',
  queue: 'orders',
  priority: null,
  state: 'scheduled',
  business_id: 'acme',
  user_id: null,
  tags: ['monthly'],
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  tracestate: null,
  trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
  content_type: 'application/json',
  created_at: '2026-11-24T08:00:00.000Z',
  due_at: '2026-11-24T08:10:00.000Z',
  pending_at: null,
  started_at: null,
  finished_at: null,
  purge_at: null,
  deadline: null,
  timeout: '10s',
  retention: '1d',
  retry: {
    max_retries: 3,
    backoff: { kind: 'exponential', initial: '1s', max: '5m', factor: 2, jitter: 0.25 },
  },
  attempt: 0,
  max_attempts: 4,
  crashes: 0,
  deferrals: 0,
  waiting_for: null,
  last_error: null,
  cancel: null,
  delivery_id: 'dlv_7qk3v6w2n5h4c8p9x1t0r6y2ma',
  worker_id: null,
  schedule_id: null,
  fire_at: null,
  shard: null,
  origin: 'api',
  created_by: '7k2m9q4x8d1w',
  version: 1,
};

/** The same task as a call for it alone shows it. */
const singleTask: Task = {
  ...listedTask,
  payload: { invoice: 4711 },
  callback: {
    url: 'https://billing.example.com/hooks/invoice',
    method: 'POST',
    headers: {},
    body: 'payload',
    connect_timeout: '3s',
    redirects: 'none',
  },
  result: null,
  result_content_type: null,
};

/** The counts of a queue without tasks. */
const none = {
  scheduled: 0,
  pending: 0,
  active: 0,
  retry: 0,
  completed: 0,
  cancelled: 0,
  archived: 0,
  aggregating: 0,
};
/** The queue of that task. */
const ordersQueue: Queue = {
  name: 'orders',
  priority: null,
  paused: false,
  pause_reason: null,
  counts: { ...none, scheduled: 1 },
  by_kind: {
    handler: { counts: none, paused: false },
    callback: { counts: { ...none, scheduled: 1 }, paused: false },
  },
  oldest_aggregating_ms: null,
  oldest_pending_ms: null,
  // Of the last full minute. More tasks came than went, and one attempt of 25 failed.
  rates: { enqueued: 2.5, succeeded: 2.4, failed: 0.1 },
  error_rate: 0.04,
  wait_ms: { p50: 3, p95: 9, p99: 21 },
  run_ms: { p50: 120, p95: 480, p99: 992 },
  memory_bytes: 1536,
};

/** What made the task. */
const submitted = {
  id: 'invoice-4711',
  type: 'invoice.send',
  queue: 'orders',
  business_id: 'acme',
  tags: ['monthly'],
  payload: { invoice: 4711 },
  delay: '10m',
  callback: { url: 'https://billing.example.com/hooks/invoice' },
};

const officeDays = { name: 'Our office', off: ['2026-12-24', '2026-12-31'], on: [] };
const officeCalendar: Calendar = {
  id: 'office',
  ...officeDays,
  source: 'api',
  readable: true,
  created_at: '2026-11-24T08:00:00.000Z',
  version: 1,
};

/**
 * The examples by operation. To add an operation, add its line: this does not compile without it. An operation whose answer has
 * no content has `undefined`.
 */
export const examples: { readonly [O in OperationId]: Example<O> } = {
  submitTask: { body: submitted, answer: singleTask },
  // A batch of one task; the answer has an item for each.
  submitBatch: {
    body: { tasks: [submitted], defaults: { retry: 'patient' } },
    answer: {
      id: null,
      counts: { created: 1, duplicate: 0, failed: 0 },
      items: [{ index: 0, status: 201, task: listedTask }],
    },
  },
  listTasks: { answer: { data: [listedTask], next_cursor: null, total: 1, scanned: 1 } },
  getTask: { answer: singleTask },
  cancelTask: {
    body: { reason: 'the order was withdrawn' },
    answer: {
      outcome: 'cancelled_before_start',
      task: {
        ...singleTask,
        state: 'cancelled',
        due_at: null,
        finished_at: '2026-11-24T08:01:00.000Z',
        purge_at: '2026-11-25T08:01:00.000Z',
        cancel: {
          mode: 'soft',
          outcome: 'cancelled_before_start',
          by: '7k2m9q4x8d1w',
          reason: 'the order was withdrawn',
          at: '2026-11-24T08:01:00.000Z',
        },
      },
    },
  },
  // An answer without content.
  deleteTask: { answer: undefined },
  listQueues: { answer: { data: [ordersQueue], next_cursor: null, total: 1, scanned: null } },
  getQueue: { answer: ordersQueue },
  pauseQueue: {
    body: { reason: 'maintenance until noon' },
    answer: { ...ordersQueue, paused: true, pause_reason: 'maintenance until noon' },
  },
  resumeQueue: { body: {}, answer: ordersQueue },
  listSchedules: { answer: { data: [reportSchedule], next_cursor: null, total: 1, scanned: null } },
  previewSchedule: { body: { cron: '30 8 * * *', timezone: 'Asia/Shanghai' }, answer: reportPreview },
  getSchedule: { answer: { ...reportSchedule, fires: [reportFire] } },
  putSchedule: { body: dailyReport, answer: reportSchedule },
  // The callback stays, as the patch does not have it.
  patchSchedule: {
    body: { task: { queue: 'reports' }, overlap: 'queue' },
    answer: { ...reportSchedule, overlap: 'queue', version: 2 },
  },
  deleteSchedule: { answer: undefined },
  pauseSchedule: {
    body: { reason: 'the month is closed' },
    answer: { ...reportSchedule, paused: true, pause_reason: 'the month is closed', version: 2 },
  },
  resumeSchedule: { body: {}, answer: { ...reportSchedule, version: 3 } },
  runSchedule: { body: { payload: { day: '2026-11-20' } }, answer: { ...listedTask, ...reportOrigin } },
  previewStoredSchedule: { answer: reportPreview },
  listScheduleFires: { answer: reportFires },
  listFires: { answer: reportFires },
  listCalendars: { answer: { data: [officeCalendar], next_cursor: null, total: 1, scanned: null } },
  getCalendar: { answer: officeCalendar },
  putCalendar: { body: officeDays, answer: officeCalendar },
  // The name stays, as the patch does not have it.
  patchCalendar: {
    body: { on: ['2026-12-19'] },
    answer: { ...officeCalendar, on: ['2026-12-19'], version: 2 },
  },
  deleteCalendar: { answer: undefined },
  getMe: {
    answer: {
      key_id: '7k2m9q4x8d1w',
      name: 'billing',
      role: 'submitter',
      queues: ['orders'],
      businesses: ['acme'],
    },
  },
  getMetricsHistory: {
    answer: {
      step: '1m',
      series: [
        {
          labels: { queue: 'orders' },
          points: [
            ['2026-11-24T08:00:00.000Z', 150],
            ['2026-11-24T08:01:00.000Z', 148],
          ],
          gaps: [],
        },
        // What is not shown by its name. Nobody sampled for 40 minutes: what happened then is in no point.
        {
          labels: { queue: null },
          points: [],
          gaps: [{ from: '2026-11-24T07:20:00.000Z', to: '2026-11-24T08:00:00.000Z', value: 12 }],
        },
      ],
    },
  },
  getBroker: {
    answer: {
      kind: 'redis',
      version: '7.4.1',
      role: 'master',
      memory: { used_bytes: 1_048_576, max_bytes: null, policy: 'noeviction', evicted_keys: 0 },
      persistence: { aof: true, saved_at: '2026-11-24T07:59:00.000Z' },
      findings: [],
    },
  },
  // The first bytes of any such file.
  getBrokerBackup: { answer: 'SQLite format 3' },
  getHealth: { answer: { status: 'ok' } },
  getReadiness: { answer: { status: 'ok' } },
  getStartup: { answer: { status: 'ok' } },
  getVersion: { answer: { version: '0.1.0', api: 'v1' } },
  // Its beginning.
  getOpenapi: { answer: { openapi: '3.1.0', info: { title: 'Task Center', version: '0.1.0' }, paths: {} } },
  getMetrics: {
    answer:
      '# HELP taskcenter_queue_tasks Tasks in a queue by state.\n# TYPE taskcenter_queue_tasks gauge\ntaskcenter_queue_tasks{queue="orders~cb",state="pending"} 3\n',
  },
  getPage: { answer: '<!doctype html>' },
};
