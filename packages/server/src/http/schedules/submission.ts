/**
 * From what a client says about a schedule to what is put, and back. The task goes through the same steps as one that is submitted, so
 * both have the same defaults, bounds and rights; a URL that is blocked is refused now and not at each fire.
 */
import { itemAt, shownBackoff, timeText, type CheckedSchedule, type ProblemItem } from '@task-center/api';
import { isTaskCenterError, type control, type NewTask } from '@task-center/engine';
import {
  contextOf,
  formatDuration,
  headersWith,
  HIDDEN,
  isBackoff,
  logicalQueue,
  NO_HEADERS,
  readSchedule,
  type ScheduledTask,
  type ScheduleSettings,
  type ScheduleSource,
} from '@task-center/model';
import type { StoredCallback } from '../../callbacks/callback.ts';
import { shownHeaderValue } from '../../callbacks/headers.ts';
import { invalid } from '../../problem.ts';
import { shownPayload } from '../content.ts';
import { RawPayload } from '../json-body.ts';
import { businessOf } from '../submission/context.ts';
import { newTask, type Submission } from '../submission/new-task.ts';

/** A place in the body, with what is wrong there. */
const at = (path: readonly string[], details: { code: string; message: string; got: string | null }) =>
  itemAt({ location: 'pointer', basePath: [] }, path, details);

/** The settings in a body. @throws ProblemError `validation-failed`: the time at which it was checked first was another one */
export function settingsOf(body: object, id: string, nowMs: number): ScheduleSettings {
  const { settings, faults } = readSchedule({ task: {}, ...body, id }, { nowMs });
  if (settings !== null) return settings;
  throw invalid(
    faults.map(({ path, got, expected }) =>
      at(path, { code: 'invalid_value', message: `must be ${expected}`, got }),
    ),
  );
}

/** Answers hide secrets as `***`. Sent back as they are, they would take the place of the secrets. */
function hiddenValues({ callback }: NonNullable<CheckedSchedule['task']>): ProblemItem[] {
  const message =
    'is hidden in answers: send the value itself, or change the rest with PATCH, which keeps it';
  const given: [string[], string][] = [
    [['url'], callback?.url ?? ''],
    ...Object.entries(callback?.headers ?? {}).map(([name, value]): [string[], string] => [
      ['headers', name],
      value,
    ]),
  ];
  return given
    .filter(([, value]) => value.includes(HIDDEN))
    .map(([path]) => at(['task', 'callback', ...path], { code: 'invalid_value', message, got: null }));
}

const callbackOf = ({ meta }: ScheduledTask) => (meta as { readonly callback?: StoredCallback }).callback;

/** The headers that a patch names itself. */
function headersIn(patch: unknown): object {
  const { task } = Object(patch) as { task?: unknown };
  const { callback } = Object(task) as { callback?: unknown };
  return Object((Object(callback) as { headers?: unknown }).headers) as object;
}

/**
 * The headers that a patch would send to another address than the one that they were given for, unseen: who may not read a secret
 * must not have it delivered.
 *
 * @param body the whole that the patch leads to
 */
export function movedSecrets(
  { spec: { task } }: control.ScheduleInfo,
  patch: unknown,
  body: CheckedSchedule,
): ProblemItem[] {
  const [before, after] = [callbackOf(task), body.task?.callback];
  if (!before || !after || new URL(before.url).origin === new URL(after.url).origin) return [];
  const given = headersIn(patch);
  const message = 'is hidden in answers: send the value itself, as the callback goes to another address';
  return Object.entries(before.headers ?? {})
    .filter(([name, value]) => shownHeaderValue(name, value) !== value && after.headers?.[name] === value)
    .filter(([name]) => !Object.hasOwn(given, name))
    .map(([name]) => at(['task', 'callback', 'headers', name], { code: 'required', message, got: null }));
}

/** Each fire begins a trace of its own. */
function withoutTrace(task: NewTask): NewTask {
  const { traceparent: _parent, tracestate: _state, ...context } = contextOf(task.headers);
  return { ...task, headers: headersWith(context, NO_HEADERS) };
}

/** A schedule that somebody has sent. */
export interface SentSchedule {
  readonly id: string;
  /** Its schema has accepted it. */
  readonly body: CheckedSchedule;
  readonly source: ScheduleSource;
}

/**
 * The schedule to put.
 *
 * @throws ProblemError those of a submission: `validation-failed`, `url-blocked`, `forbidden`, `business-forbidden`, `too-large`
 */
export function scheduleToPut(
  { id, body, source }: SentSchedule,
  submission: Omit<Submission, 'basePath'>,
): control.ScheduleInput {
  const { business_id, ...rest } = body;
  const task = rest.task ?? {};
  const hidden = hiddenValues(task);
  if (hidden.length > 0) throw invalid(hidden);
  const business = businessOf(business_id ?? undefined, submission.principal, []);
  const settings = settingsOf(
    { ...rest, ...(business !== null && { business_id: business }) },
    id,
    submission.nowMs,
  );
  const made = newTask(
    { ...task, ...(business !== null && { business_id: business }) },
    { ...submission, basePath: ['task'] },
  );
  return { settings, task: withoutTrace(made), source };
}

/** What the use case refuses, with the place in the body. Other errors are passed on. */
export function withPlaces(error: unknown): unknown {
  if (!isTaskCenterError(error, 'invalid-value')) return error;
  const { name, got: shown, expected } = error.details as { name: string; got: string; expected: string };
  // As other items have it: the value itself.
  const got = /^"(.*)"$/s.exec(shown)?.[1] ?? shown;
  const path = name.includes(' ') ? [] : name.split('.');
  return invalid([at(path, { code: 'invalid_value', message: `must be ${expected}`, got })]);
}

/** The payload of each fire; null = it has none. */
const bytesOf = (payload: ScheduledTask['payload']): Uint8Array | null => {
  if (payload === null) return null;
  return 'text' in payload ? Buffer.from(payload.text) : Buffer.from(payload.base64, 'base64');
};

/** The task of a schedule as it was submitted, with its secrets: what a patch is applied to. Payloads are bytes where they can be. */
export function submittedTask({ queue, type, headers, payload, meta, ...task }: ScheduledTask) {
  const { tags, contentType, backoff, callback, timeoutMs } = meta as {
    readonly tags?: readonly string[];
    readonly contentType?: string;
    readonly backoff?: unknown;
    readonly callback?: StoredCallback;
    readonly timeoutMs?: number;
  };
  const { userId } = contextOf(headers);
  const timeout = timeoutMs ?? task.timeoutMs;
  const bytes = bytesOf(payload);
  return {
    type,
    queue: logicalQueue(queue).name,
    ...(bytes !== null && payloadField(bytes, contentType)),
    ...(contentType !== undefined && { content_type: contentType }),
    ...(userId !== undefined && { user_id: userId }),
    ...(tags !== undefined && { tags: [...tags] }),
    ...(timeout > 0 && { timeout: formatDuration(timeout) }),
    retention: formatDuration(task.retentionMs),
    retry: {
      max_retries: task.maxRetries,
      ...(isBackoff(backoff) && { backoff: shownBackoff(backoff) }),
    },
    ...(callback !== undefined && { callback }),
  };
}

/** The field in which a payload was sent, with all of its bytes. */
function payloadField(bytes: Uint8Array, contentType: string | undefined) {
  const shown = shownPayload(bytes, contentType);
  if ('payload_text' in shown || 'payload_base64' in shown) return shown;
  return { payload: new RawPayload(bytes) };
}

/** As answers have a time that may be missing. */
const textOrNull = (ms: number | null) => (ms === null ? null : timeText(ms));

/** What fires a schedule, as it was written. */
export function writtenTimes({ times }: Pick<ScheduleSettings, 'times'>) {
  switch (times.kind) {
    case 'cron':
      return { cron: times.cron, dialect: times.dialect };
    case 'every':
      return { every: formatDuration(times.everyMs), from: times.from };
    case 'at':
      return { at: timeText(times.atMs) };
  }
}

/** All that an owner says about a schedule, but for its task and its times: as it can be sent again. */
export function writtenSettings(settings: ScheduleSettings) {
  const { name, owner, businessId, timezone, calendar, maxRuns, shards, misfire, overlap } = settings;
  return {
    name,
    owner,
    business_id: businessId,
    timezone,
    calendar,
    starts_at: textOrNull(settings.startsAtMs),
    ends_at: textOrNull(settings.endsAtMs),
    jitter: formatDuration(settings.jitterMs),
    max_runs: maxRuns,
    shards,
    misfire: { policy: misfire.policy, grace: formatDuration(misfire.graceMs), limit: misfire.limit },
    overlap,
  };
}

/** Defaults that belong to one kind of times would stand in the way of a patch to another one. */
const DEFAULTS_OF_TIMES: Readonly<Record<string, unknown>> = { dialect: 'unix', from: 'start' };

/** The body that would leave a schedule as it is. */
export function presentBody({ spec, skipsLeft }: control.ScheduleInfo): object {
  const times = Object.entries(writtenTimes(spec)).filter(
    ([name, value]) => DEFAULTS_OF_TIMES[name] !== value,
  );
  return {
    ...Object.fromEntries(times),
    ...writtenSettings(spec),
    skip_next: skipsLeft,
    task: submittedTask(spec.task),
  };
}
