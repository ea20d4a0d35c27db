// The parent of the service. It starts the service as a child, passes signals on, and starts it again after a failure
// (ADR 13).

import { fork, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { EXIT_INTERRUPTED, SAME_SIGNAL_MS } from '../io.ts';
import { RestartBackoff } from './restarts.ts';

const PROGRAM = new URL('./service.process.js', import.meta.url);
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** Time from a signal that ends the service to SIGKILL, for one that hangs: it gives its tasks back within a second. */
const KILL_AFTER_MS = 2_000;
/** Stands in for the exit code of a process that could not be created. */
const EXIT_NOT_CREATED = 1;

/** How a service process ended. */
interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** How long it ran, ms; null = it was never ready. */
  readonly ranMs: number | null;
}

/** Resolves when the process has ended. Its only message reports that it is ready. */
function waitForEnd(child: ChildProcess): Promise<ProcessEnd> {
  let readyMs: number | undefined;
  return new Promise((resolve) => {
    child.once('message', () => (readyMs = performance.now()));
    child.once('exit', (code, signal) =>
      resolve({ code, signal, ranMs: readyMs === undefined ? null : performance.now() - readyMs }),
    );
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      report(`no process can be started (${error.message})`);
      resolve({ code: EXIT_NOT_CREATED, signal: null, ranMs: null });
    });
  });
}

function report(text: string): void {
  process.stderr.write(`task-center: ${text}\n`);
}

function endText({ code, signal, ranMs }: ProcessEnd): string {
  const cause = signal ?? `exit code ${code}`;
  return ranMs === null
    ? `the service did not start (${cause})`
    : `the service ended unexpectedly (${cause})`;
}

/** Kills a service that hangs and does not react to signals, once it was told to end: by a second signal, or by SIGHUP. */
function createKillSwitch() {
  let firstSignalMs: number | undefined;
  let killed = false;
  return {
    get killed() {
      return killed;
    },
    onSignal(child: ChildProcess | undefined, signal: NodeJS.Signals): void {
      firstSignalMs ??= performance.now();
      if (signal !== 'SIGHUP' && performance.now() - firstSignalMs <= SAME_SIGNAL_MS) return;
      setTimeout(() => {
        if (child?.kill('SIGKILL')) killed = true;
      }, KILL_AFTER_MS).unref();
    },
  };
}

/** The exit code of a process; for one that a signal ended, 128 plus its number, as shells have it. */
const exitCodeOf = ({ code, signal }: ProcessEnd) =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

/**
 * Runs the service in a child process, and starts it again when it fails. A service that exits without ever having been
 * ready is not started again, because its command line or its configuration is probably wrong. Signals are passed on to
 * the child.
 *
 * @param args the command line, beginning with `serve`
 * @returns the exit code of the service, or 0 when a signal came while no service ran
 */
export async function supervise(args: readonly string[]): Promise<number> {
  const restarts = new RestartBackoff();
  const stopRequest = new AbortController();
  const killSwitch = createKillSwitch();
  let child: ChildProcess | undefined;
  let wasReady = false;
  for (const signal of FORWARDED_SIGNALS)
    process.on(signal, () => {
      stopRequest.abort();
      child?.kill(signal);
      killSwitch.onSignal(child, signal);
    });
  // Nothing may read standard error any more. That must not end the parent: the service needs it.
  process.stderr.on('error', () => {});

  while (!stopRequest.signal.aborted) {
    child = fork(PROGRAM, args);
    const end = await waitForEnd(child);
    wasReady ||= end.ranMs !== null;
    const isFinal = end.code === 0 || (end.signal === null && !wasReady);
    if (stopRequest.signal.aborted || isFinal) return killSwitch.killed ? EXIT_INTERRUPTED : exitCodeOf(end);
    const waitMs = restarts.waitAfter(end.ranMs ?? 0);
    report(`${endText(end)}; it is started again ${waitMs === 0 ? 'now' : `in ${waitMs / 1_000} s`}.`);
    await sleep(waitMs, undefined, { signal: stopRequest.signal }).catch(() => {});
  }
  return 0;
}
