import { createOptionsCheck } from '../checks/options.ts';
import { func, withMethods, type ValueCheck } from '../checks/values.ts';
import { invalidValue } from '../errors/task-center-error.ts';
import { systemClock, type Clock } from './clock.ts';
import { Events } from './events.ts';
import { newUuid } from './ids.ts';
import type { LoopWatch } from './loop-watch.ts';
import { LEVELS, quietLog, silentLog, type Log } from './log.ts';
import { stderrLog } from './stderr-log.ts';

/** What code needs from its surroundings: time, chance, IDs, logs and events. It is passed down; nothing is global. */
export interface Runtime {
  readonly clock: Clock;
  /** Returns a number in [0, 1). */
  readonly random: () => number;
  /** Returns a new task ID: a UUID in lower case, as Asynq's. Version 7, so IDs sort by the time of their creation. */
  readonly newId: () => string;
  readonly log: Log;
  readonly events: Events;
  /** Watches the loops, for a host that tells whether its process is healthy. Default: nobody watches them. */
  readonly loops?: LoopWatch;
}

const logWithLevels = withMethods('a log', LEVELS);
/** The option `log` of a broker: false = nowhere. */
export const logOrFalse: ValueCheck = (value, name) => {
  if (value !== false) logWithLevels(value, name);
};
/** The log of a runtime, from that option. */
export const logOf = (log: Log | false | undefined): Pick<Partial<Runtime>, 'log'> =>
  log === undefined ? {} : { log: log === false ? silentLog : log };

const checkOverrides = createOptionsCheck<Partial<Runtime>>('the runtime', {
  clock: withMethods('a clock', ['wallMs', 'monotonicMs', 'sleep', 'after', 'every']),
  random: func,
  newId: func,
  log: logWithLevels,
  events: withMethods('an Events', ['on', 'has', 'emit']),
  loops: withMethods('a LoopWatch', ['add', 'states']),
});

/** A runtime, or a part of one. */
export const runtimePart: ValueCheck = (value, name) => void checkOverrides(value, name);

const PARTS = ['clock', 'random', 'newId', 'log', 'events'] as const satisfies readonly (keyof Runtime)[];

/** A runtime with all of its parts: what `createRuntime` returns. */
export const wholeRuntime: ValueCheck = (value, name) => {
  runtimePart(value, name);
  const missing = PARTS.find((part) => (value as Partial<Runtime>)[part] === undefined);
  if (missing !== undefined)
    throw invalidValue(`${name}.${missing}`, undefined, 'a runtime: `createRuntime()`');
};

/** What a broker gives to those who are given it, as far as they bring nothing of their own. */
interface Surroundings {
  readonly log?: Log;
  readonly runtime?: Partial<Runtime>;
}

/** The runtime of something that uses a broker. @throws TaskCenterError `invalid-value` */
export const runtimeOn = ({ log, runtime }: Surroundings, overrides: Partial<Runtime> = {}): Runtime =>
  createRuntime(runtime ? { ...runtime, ...checkOverrides(overrides, 'runtime') } : overrides, log);

/**
 * The real runtime, with the caller's overrides. `fallback`: the log where the overrides have none, such as that of the broker; by
 * default JSON lines on standard error.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function createRuntime(overrides: Partial<Runtime> = {}, fallback: Log = stderrLog): Runtime {
  logWithLevels(fallback, 'fallback');
  const { clock = systemClock } = checkOverrides(overrides, 'runtime');
  const log = quietLog(overrides.log ?? fallback, clock);
  return {
    random: Math.random,
    newId: newUuid,
    events: new Events((err, event) => log.error({ err, event }, 'a listener of an event failed')),
    ...overrides,
    clock,
    log,
  };
}
