/** The stop of the service: all of its phases under one grace, `shutdown.timeout`. */
import { within, type Broker, type Clock } from '@task-center/engine';
import type { CallbackWorker } from './callbacks/callback-worker.ts';
import type { ShutdownTimes } from './config/config.ts';
import type { ServiceState } from './http/deps.ts';
import type { ListeningServer } from './http/listen.ts';
import type { Tracing } from './observe/tracing-sdk.ts';
import type { MaintenanceRole } from './maintenance.ts';

/** What has been started. */
export interface Stoppable {
  readonly http?: ListeningServer;
  /** Answers until all else has stopped: a process that drains is alive, and says that it is not ready. */
  readonly health?: ListeningServer;
  readonly scheduler?: MaintenanceRole;
  readonly worker?: CallbackWorker;
  readonly broker?: Pick<Broker, 'close'>;
  /** Null = there are no traces. */
  readonly tracing?: Tracing | null;
}

/** The end of the grace, in which the broker is given what did not end, and is closed. A short grace keeps a quarter. */
const HAND_IN_MS = 1_000;

/** Stops what was started. What runs has `drainMs` to end. */
export async function stopAll(
  { http, health, scheduler, worker, broker, tracing }: Stoppable,
  drainMs: number,
): Promise<void> {
  // Together: a slow request must not use up the time that the callbacks have.
  await Promise.all([http?.close(drainMs), scheduler?.stop(), worker?.stop({ timeoutMs: drainMs })]);
  await health?.close(0);
  await broker?.close();
  await tracing?.stop();
}

/**
 * Stops the service. First nothing is taken any more, and health checks send new requests elsewhere while this process still
 * serves them (`unreadyMs`). Then it takes no request, and those that run may end.
 *
 * @throws Error when `timeoutMs` was not enough, for example because the broker takes nothing back
 */
export async function stopInTime(
  started: Stoppable,
  { timeoutMs, unreadyMs }: ShutdownTimes,
  { state, clock }: { readonly state: ServiceState; readonly clock: Pick<Clock, 'sleep'> },
): Promise<void> {
  const restMs = timeoutMs - unreadyMs;
  const phases = async (late: AbortSignal) => {
    state.markUnready();
    started.worker?.stopTaking();
    await clock.sleep(unreadyMs, late);
    state.markStopping();
    await stopAll(started, restMs - Math.min(HAND_IN_MS, restMs / 4));
    return true;
  };
  if (await within(clock, timeoutMs, phases)) return;
  throw new Error(
    `The service did not stop within shutdown.timeout (${timeoutMs / 1_000} s): the broker may not have been given back all that ran.`,
  );
}
