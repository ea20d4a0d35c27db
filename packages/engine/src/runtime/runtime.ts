import { systemClock, type Clock } from './clock.ts';
import { Events } from './events.ts';
import { newUuid } from './ids.ts';
import { quietLog, type Log } from './log.ts';
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
}

/**
 * The real runtime, with the caller's overrides. `fallback`: the log where the overrides have none, such as that of the broker; by
 * default JSON lines on standard error.
 */
export function createRuntime(overrides: Partial<Runtime> = {}, fallback: Log = stderrLog): Runtime {
  const { clock = systemClock } = overrides;
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
