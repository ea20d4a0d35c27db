// One schedule in all examples of its operations: a report on each working day in Shanghai, and its first fire. Read in turn, they
// tell what becomes of it: it is put, fires once, is paused and resumed. docs/schedules.md says more.

import type { Fire, Schedule } from '../schedules/schemas.ts';

/** What each fire submits: secrets of the callback would show as stars. */
const reportTask = {
  type: 'callback',
  queue: 'reports',
  timeout: '10s',
  retry: { max_retries: 3 },
  retention: '1d',
  callback: { url: 'https://reports.example.com/hooks/daily' },
};
/**
 * What is sent. All other fields have their defaults, and these are what people write most: a plan in the zone of an office, its
 * holidays, and no second report while the first one runs.
 */
export const dailyReport = {
  name: 'The daily report',
  owner: 'controlling',
  cron: '30 8 * * mon-fri',
  timezone: 'Asia/Shanghai',
  calendar: 'cn',
  overlap: 'skip',
  task: reportTask,
} as const;
/** What is answered: the defaults are filled in, and what became of it is added. */
export const reportSchedule: Schedule = {
  id: 'daily-report',
  ...dailyReport,
  source: 'api',
  business_id: null,
  paused: false,
  pause_reason: null,
  dialect: 'unix',
  every: null,
  from: null,
  at: null,
  starts_at: null,
  ends_at: null,
  skip_next: 0,
  jitter: '0s',
  max_runs: null,
  shards: 1,
  misfire: { policy: 'fire_once', grace: '1m', limit: 10 },
  // 08:30 in Shanghai, which is 8 hours ahead of UTC.
  next_fire_at: '2026-11-25T00:30:00.000Z',
  last_fire: '2026-11-24T00:30:00.000Z',
  runs: 1,
  failing: false,
  late: false,
  created_at: '2026-11-23T08:00:00.000Z',
  updated_at: '2026-11-23T08:00:00.000Z',
  version: 1,
};
/** 8:30 in Shanghai is half past midnight, UTC. */
export const reportFire: Fire = {
  schedule_id: 'daily-report',
  business_id: null,
  name: 'The daily report',
  owner: 'controlling',
  outcome: 'fired',
  fire_at: '2026-11-24T00:30:00.000Z',
  last_fire_at: '2026-11-24T00:30:00.000Z',
  count: 1,
  fired_at: '2026-11-24T00:30:00.004Z',
  lateness_ms: 4,
  task_id: '019ab1c2-6a40-7c11-9d3e-0b5f6a7c8d9e',
  queue: 'reports',
  task_state: 'completed',
  finished_at: '2026-11-24T00:30:00.904Z',
  duration_ms: 900,
};
/** The next day, in both of its times. */
export const reportPreview = {
  fires: [{ at: '2026-11-25T00:30:00.000Z', local: '2026-11-25T08:30:00', note: null, clashes: 2 }],
};
/** All history there is. */
export const reportFires = { data: [reportFire], next_cursor: null, total: null, scanned: null };

/** What a task has of the fire that made it. */
export const reportOrigin = {
  schedule_id: 'daily-report',
  fire_at: '2026-11-24T00:30:00.000Z',
  origin: 'schedule',
};
