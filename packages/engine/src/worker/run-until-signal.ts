/** A worker, a scheduler or a manager of periodic tasks. */
export interface Runnable {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Takes no more tasks; running attempts go on. Only workers have it. */
  stopTaking?(): void;
}

/**
 * Starts a worker or a scheduler and handles signals as Asynq's do: TERM and INT stop it, and TSTP makes a worker take no
 * more tasks. Resolves when it has stopped.
 *
 * @throws TaskCenterError `worker-misused`, `scheduler-misused`
 */
export async function runUntilSignal(worker: Runnable): Promise<void> {
  const stopTaking = () => worker.stopTaking?.();
  let onStopSignal = () => {};
  const stopSignal = new Promise<void>((resolve) => (onStopSignal = resolve));
  if (worker.stopTaking) process.on('SIGTSTP', stopTaking);
  process.on('SIGTERM', onStopSignal);
  process.on('SIGINT', onStopSignal);
  try {
    await worker.start();
    await stopSignal;
    await worker.stop();
  } finally {
    process.off('SIGTSTP', stopTaking);
    process.off('SIGTERM', onStopSignal);
    process.off('SIGINT', onStopSignal);
  }
}
