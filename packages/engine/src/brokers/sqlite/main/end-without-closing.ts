// How a process ends after it has lost its file to another one.

let isArmed = false;

/**
 * Ends the process with SIGKILL when it would end by itself. Any other end closes the file, and SQLite then copies its log into
 * it and removes the log: both belong to another process by now. There is no way to tell the driver not to.
 */
export function endWithoutClosing(): void {
  if (isArmed) return;
  isArmed = true;
  process.once('exit', () => process.kill(process.pid, 'SIGKILL'));
}
