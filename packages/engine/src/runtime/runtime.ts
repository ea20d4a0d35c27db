import { systemClock, type Clock } from './clock.ts';
import { Events } from './events.ts';
import { newUuid } from './ids.ts';
import { silentLog, type Log } from './log.ts';

/** What code needs besides its arguments: time, chance, names, a voice. Passed down, never reached for. */
export interface Runtime {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** A new task ID: a UUID in lower case as Asynq's (protocol 2.5), of version 7: in the order in which they were made. */
  readonly newId: () => string;
  readonly log: Log;
  readonly events: Events;
}

/** The real runtime, with what the caller wants otherwise. */
export function createRuntime(overrides: Partial<Runtime> = {}): Runtime {
  return {
    clock: systemClock,
    random: Math.random,
    newId: newUuid,
    log: silentLog,
    events: new Events(),
    ...overrides,
  };
}
