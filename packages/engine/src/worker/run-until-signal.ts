/** What can be started and stopped: a worker, a scheduler, a manager of periodic tasks. */
export interface Runnable {
  start(): Promise<void>;
  stop(): Promise<void>;
  stopTaking?(): void;
}

/**
 * Starts a worker or a scheduler and heeds the signals that Asynq's do: TERM and INT, to stop; for a worker TSTP, to
 * take nothing more. Resolves when it has stopped.
 *
 * @throws TaskCenterError `worker-misused`, `scheduler-misused`
 */
export async function runUntilSignal(worker: Runnable): Promise<void> {
  const quiet = () => worker.stopTaking?.();
  let end = () => {};
  const told = new Promise<void>((resolve) => (end = resolve));
  if (worker.stopTaking) process.on('SIGTSTP', quiet);
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  try {
    await worker.start();
    await told;
    await worker.stop();
  } finally {
    process.off('SIGTSTP', quiet);
    process.off('SIGTERM', end);
    process.off('SIGINT', end);
  }
}
