/** The schedules of the configuration: stored at a start, and those that it no longer names are removed. */
import { namedSchedule, type NamedSchedule, type ProblemItem } from '@task-center/api';
import { control, TaskCenterError, type Broker, type Runtime } from '@task-center/engine';
import { storedTaskId } from '@task-center/model';
import type { Principal } from './auth/principal.ts';
import type { Config } from './config/config.ts';
import { RawPayload } from './http/json-body.ts';
import { scheduleToPut } from './http/schedules/submission.ts';
import type { UrlRules } from './callbacks/url-rules.ts';
import { ProblemError } from './problem.ts';

/** The configuration may do everything. Its tasks name it as the one who made them. */
const CONFIGURATION: Principal = {
  keyId: 'config',
  name: 'the configuration',
  role: 'admin',
  queues: null,
  businesses: null,
};

export interface ApplyDeps {
  readonly config: Pick<Config, 'schedules'>;
  readonly rules: UrlRules;
  readonly runtime: Runtime;
}

/** As over HTTP, where a payload is the bytes that were sent. */
function withPayload({ task, ...body }: NamedSchedule): NamedSchedule {
  if (task?.payload === undefined || task.payload === null) return { ...body, task };
  const payload = new RawPayload(Buffer.from(JSON.stringify(task.payload)));
  return { ...body, task: { ...task, payload } };
}

/** Logs why a schedule is refused. The stored one stays, if there is one. */
function logRefused(log: Runtime['log'], schedule: string, err: unknown): void {
  const { errors = [] } = (err instanceof ProblemError ? err.extra : {}) as {
    readonly errors?: readonly ProblemItem[];
  };
  const detail = errors.map(({ pointer, message }) => `${pointer} ${message}`).join('; ');
  const fix = err instanceof TaskCenterError ? err.fix : undefined;
  const why = { ...(fix !== undefined && { fix }), ...(detail !== '' && { detail }) };
  log.error(
    { schedule, err, ...why },
    'a schedule of the configuration was refused; a stored one stays as it is',
  );
}

/** What is stored of a schedule of the configuration. Null: it is refused, which was logged. */
function readOne(given: unknown, { rules, runtime }: ApplyDeps): control.ScheduleInput | null {
  const { id, ...body } = withPayload(namedSchedule.parse(given));
  const { clock, newId, log } = runtime;
  try {
    const submission = {
      principal: CONFIGURATION,
      headers: new Headers(),
      rules,
      nowMs: clock.wallMs(),
      newId,
    };
    return scheduleToPut({ id, body, source: 'config' }, submission);
  } catch (error) {
    logRefused(log, id, error);
    return null;
  }
}

/** Removes those that came from a configuration and are not named any more. */
async function removeOthers(
  broker: Broker,
  named: ReadonlySet<string>,
  { runtime }: ApplyDeps,
): Promise<void> {
  for await (const { storedName, spec } of control.iterateSchedules(broker, { source: 'config' })) {
    if (named.has(storedName)) continue;
    const { id, businessId } = spec;
    await control.removeSchedule(broker, { id, businessId }, { by: 'config' });
    runtime.log.info({ schedule: id }, 'a schedule was removed: the configuration no longer has it');
  }
}

/**
 * Stores the schedules of the configuration. One that is refused is logged, and the others are stored: the service serves all the
 * same. The set of the instance that was started last wins.
 */
export async function applySchedules(broker: Broker, deps: ApplyDeps): Promise<void> {
  const { config, runtime } = deps;
  const named = config.schedules.map((given) => namedSchedule.parse(given));
  const inputs = config.schedules.flatMap((given) => readOne(given, deps) ?? []);
  const results = await control.putSchedules(broker, inputs);
  results.forEach((result, i) => {
    if (!('error' in result)) return;
    logRefused(runtime.log, inputs[i]!.settings.id, result.error);
  });
  const names = new Set(named.map(({ id, business_id }) => storedTaskId(id, business_id ?? null)));
  await removeOthers(broker, names, deps);
}
