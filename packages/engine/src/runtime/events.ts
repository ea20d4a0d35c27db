import { EventEmitter } from 'node:events';
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

/**
 * A typed event emitter. An error of a listener, thrown or rejected, stops neither other listeners nor the engine. It goes to
 * `onError`, which must not throw; by default it becomes a warning of the process.
 */
export class Events<All extends object = EngineEvents> {
  readonly #emitter = new EventEmitter();
  readonly #onError: (error: unknown, name: string) => void;

  /** @throws TaskCenterError `invalid-value` */
  constructor(onError: (error: unknown, name: string) => void = warn) {
    checkListener(onError, 'onError');
    this.#onError = onError;
    this.#emitter.setMaxListeners(0);
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
    const guarded = (event: All[N]) => callHost(() => listener(event), onError);
    this.#emitter.on(name, guarded);
    return () => this.#emitter.off(name, guarded);
  }

  /** Whether the event has listeners. Hot paths ask before they build an event. */
  has(name: keyof All & string): boolean {
    return typeof name === 'string' && this.#emitter.listenerCount(name) > 0;
  }

  emit<N extends keyof All & string>(name: N, event: All[N]): void {
    if (this.has(name)) this.#emitter.emit(name, event);
  }
}
