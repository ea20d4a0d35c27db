import { systemClock, type Clock } from './clock.ts';
import { Events } from './events.ts';
import { newUuid } from './ids.ts';
import { quietLog, silentLog, type Log } from './log.ts';

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

/** The real runtime, with the caller's overrides. */
export function createRuntime(overrides: Partial<Runtime> = {}): Runtime {
  const { clock = systemClock, log = silentLog } = overrides;
  return {
    random: Math.random,
    newId: newUuid,
    events: new Events(),
    ...overrides,
    clock,
    log: quietLog(log, clock),
  };
}
