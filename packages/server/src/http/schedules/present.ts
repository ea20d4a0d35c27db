/** Schedules and fires in answers. */
import { timeText, type Fire, type Schedule, type SchedulePreview } from '@task-center/api';
import { logicalQueue, type control } from '@task-center/engine';
import { plainTaskId, withoutUrlSecrets, type ScheduledTask } from '@task-center/model';
import type { StoredCallback } from '../../callbacks/callback.ts';
import { shownHeaderValue } from '../../callbacks/headers.ts';
import { shownPayload } from '../content.ts';
import { submittedTask, writtenSettings, writtenTimes } from './submission.ts';

const shownTime = (ms: number | null) => (ms === null ? null : timeText(ms));

/** A callback without its secrets. */
const shownCallback = ({ url, headers, ...rest }: StoredCallback) => ({
  ...rest,
  url: withoutUrlSecrets(url),
  ...(headers && {
    headers: Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, shownHeaderValue(name, value)]),
    ),
  }),
});

/** The task as it can be sent again, but for its secrets. */
function presentTaskOf(task: ScheduledTask, withPayload: boolean): Schedule['task'] {
  const {
    payload: _raw,
    payload_text: _text,
    payload_base64: _base64,
    ...rest
  } = submittedTask(task) as ReturnType<typeof submittedTask> & {
    payload?: unknown;
    payload_text?: string;
    payload_base64?: string;
  };
  // Stored as a text where it is one, which keeps the broker's JSON readable.
  const bytes =
    task.payload === null
      ? null
      : 'text' in task.payload
        ? Buffer.from(task.payload.text)
        : Buffer.from(task.payload.base64, 'base64');
  const { contentType } = task.meta as { readonly contentType?: string };
  return {
    ...rest,
    ...(withPayload && bytes !== null && shownPayload(bytes, contentType)),
    ...(rest.callback && { callback: shownCallback(rest.callback) }),
  };
}

/** An answer has all fields of all kinds of times. */
const NO_TIMES = { cron: null, dialect: null, every: null, from: null, at: null };

/** A schedule in an answer. Lists leave payloads out: a page would be too large. */
export function presentSchedule(
  info: control.ScheduleInfo,
  { withPayload }: { withPayload: boolean },
): Schedule {
  const { spec, pauseReason } = info;
  const { id, source, task } = spec;
  return {
    id,
    source,
    paused: pauseReason !== null,
    pause_reason: pauseReason === '' ? null : pauseReason,
    ...NO_TIMES,
    ...writtenTimes(spec),
    ...writtenSettings(spec),
    skip_next: info.skipsLeft,
    task: presentTaskOf(task, withPayload),
    next_fire_at: shownTime(info.nextFireMs),
    last_fire: shownTime(info.lastFireMs),
    runs: info.runs,
    failing: info.isFailing,
    late: info.isLate,
    created_at: timeText(spec.createdMs),
    updated_at: timeText(spec.updatedMs),
    version: info.version,
  };
}

/** A line as the use case gives it. */
type FireRecord = Awaited<ReturnType<typeof control.listFires>>['fires'][number];

/** A line of the history in an answer. @param name that of its schedule */
export function presentFire(fire: FireRecord, name: string | null): Fire {
  const { business, taskId, atMs, toMs, endedMs } = fire;
  const isEnded = endedMs !== null && fire.ended >= fire.tasks;
  return {
    schedule_id: plainTaskId(fire.name, business),
    business_id: business,
    name,
    owner: fire.owner,
    outcome: fire.outcome,
    fire_at: timeText(fire.fireMs),
    last_fire_at: timeText(toMs),
    count: fire.count,
    fired_at: timeText(atMs),
    lateness_ms: taskId === null ? null : Math.max(0, atMs - fire.fireMs),
    task_id: taskId === null ? null : plainTaskId(taskId, business),
    queue: logicalQueue(fire.queue).name,
    task_state: fire.end,
    finished_at: isEnded ? timeText(endedMs) : null,
    duration_ms: isEnded ? Math.max(0, endedMs - atMs) : null,
  };
}

type Upcoming = Awaited<ReturnType<typeof control.listUpcoming>>[number];

/** A fire that is still to come. */
export function presentUpcoming(
  { name: stored, queue, business, owner, nextFireMs }: Upcoming,
  name: string | null,
): Fire {
  const at = timeText(nextFireMs);
  return {
    schedule_id: plainTaskId(stored, business),
    business_id: business,
    name,
    owner,
    outcome: 'planned',
    fire_at: at,
    last_fire_at: at,
    count: 1,
    fired_at: null,
    lateness_ms: null,
    task_id: null,
    queue: logicalQueue(queue).name,
    task_state: null,
    finished_at: null,
    duration_ms: null,
  };
}

export const presentPreview = (fires: readonly control.UpcomingInfo[]): SchedulePreview => ({
  fires: fires.map(({ fireMs, localMs, note, clashes }) => ({
    at: timeText(fireMs),
    local: new Date(localMs).toISOString().slice(0, 19),
    note,
    clashes,
  })),
});
