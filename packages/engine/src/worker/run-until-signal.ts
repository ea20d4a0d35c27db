import type { Worker } from './worker.ts';

/**
 * Starts a worker and heeds the signals that Asynq's servers do: TSTP, to take nothing more; TERM and INT, to stop.
 * Resolves when it has stopped.
 *
 * @throws TaskCenterError `worker-misused`
 */
export async function runUntilSignal(worker: Pick<Worker, 'start' | 'stopTaking' | 'stop'>): Promise<void> {
  const quiet = () => worker.stopTaking();
  let end = () => {};
  const told = new Promise<void>((resolve) => (end = resolve));
  process.on('SIGTSTP', quiet);
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
