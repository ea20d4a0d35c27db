import { messageOf } from '../errors/task-center-error.ts';
import { anyText as checkName, func as checkListener } from '../checks/values.ts';
import { callHost } from './call-host.ts';
import type { TaskEvents, WorkerLoadEvents } from './task-events.ts';
import type { BrokerEvents, QueueEvents, ScheduleEvents } from './upkeep-events.ts';

export type { AttemptOutcome, LeaseLossCause, TaskRef } from './task-events.ts';

/**
 * What happens in an engine. Counting, logging and tracing subscribe here. Times are in ms; `queue` is always a stored
 * queue. Each event is emitted once, in the process in which it happens.
 */
export interface EngineEvents
  extends TaskEvents, WorkerLoadEvents, QueueEvents, ScheduleEvents, BrokerEvents {}

export type EventName = keyof EngineEvents;

/** Tells of a listener that threw anything, which may be no error. */
function warn(thrown: unknown): void {
  let error: Error | string;
  try {
    error = thrown instanceof Error ? thrown : messageOf(thrown);
  } catch {
    error = messageOf(thrown);
  }
  process.emitWarning(error);
}

/** Calls a listener; never throws. */
type Guarded = (event: unknown) => void;

/**
 * A typed event emitter. An error of a listener, thrown or rejected, stops neither other listeners nor the engine. It goes to
 * `onError`, which must not throw; by default it becomes a warning of the process.
 *
 * Two events per task are emitted at 100,000 tasks a second. Listeners are therefore called from a plain list: Node's emitter
 * takes three times as long.
 */
export class Events<All extends object = EngineEvents> {
  /** A list is replaced when it changes: it may be walked through at that time. Without listeners there is none. */
  readonly #listeners = new Map<string, readonly Guarded[]>();
  readonly #onError: (error: unknown, name: string) => void;

  /** @throws TaskCenterError `invalid-value` */
  constructor(onError: (error: unknown, name: string) => void = warn) {
    checkListener(onError, 'onError');
    this.#onError = onError;
  }

  /**
   * Calls the listener at each event of this name. Returns a function that removes it.
   *
   * @throws TaskCenterError `invalid-value`
   */
  on<N extends keyof All & string>(name: N, listener: (event: All[N]) => unknown): () => void {
    checkName(name, 'name');
    checkListener(listener, 'listener');
    const onError = (error: unknown) => this.#onError(error, name);
    const guarded: Guarded = (event) => callHost(() => listener(event as All[N]), onError);
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), guarded]);
    return () => this.#off(name, guarded);
  }

  #off(name: string, guarded: Guarded): void {
    const rest = (this.#listeners.get(name) ?? []).filter((other) => other !== guarded);
    if (rest.length === 0) this.#listeners.delete(name);
    else this.#listeners.set(name, rest);
  }

  /** Whether the event has listeners. Hot paths ask before they build an event. */
  has(name: keyof All & string): boolean {
    return this.#listeners.has(name);
  }

  emit<N extends keyof All & string>(name: N, event: All[N]): void {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return;
    for (const listener of listeners) listener(event);
  }
}
