// The parent of the service. It starts the service as a child, passes signals on, and starts it again after a failure
// (ADR 13).

import { fork, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSink } from '@task-center/engine/sink';
import type { ServiceMessage } from '../io.ts';
import { IDLE_SIGNALS, STOP_SIGNALS } from '../signals.ts';
import { KillSwitch } from './kill-switch.ts';
import { RestartBackoff } from './restarts.ts';

const PROGRAM = new URL('./service.process.js', import.meta.url);
/**
 * glibc's allocator gives large blocks back to the system when they are freed, but raises the size from which it does so each
 * time: after one load of large bodies it would keep the memory of all later ones. Other allocators ignore these.
 */
const GIVE_MEMORY_BACK = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };
/** Stands in for the exit code of a process that could not be created. */
const EXIT_NOT_CREATED = 1;
/** Longest time to write what is left of the parent's own messages, ms. */
const MAX_FLUSH_MS = 200;

/** How a service process ended. */
interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** How long it ran, ms; null = it was never ready. */
  readonly ranMs: number | null;
}

const errors = createSink(2, () => process.stderr);

function report(text: string): void {
  errors.write(`task-center: ${text}\n`);
}

function endText({ code, signal, ranMs }: ProcessEnd): string {
  const cause = signal ?? `exit code ${code}`;
  return ranMs === null
    ? `the service did not start (${cause})`
    : `the service ended unexpectedly (${cause})`;
}

/** The exit code of a process; for one that a signal ended, 128 plus its number, as shells have it. */
const exitCodeOf = ({ code, signal }: ProcessEnd) =>
  code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

/** One process of the service, from its start to its end. */
class ServiceRun {
  readonly end: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  readonly #killSwitch: KillSwitch;
  #readyMs: number | undefined;
  /** The exit code that the service announced. It may hang while it exits, and is then killed. */
  #exitCode: number | undefined;
  #isHungUp = false;

  /** @param onStopping called when the service has begun to stop, by a signal or on its own */
  constructor(args: readonly string[], killSwitch: KillSwitch, onStopping: () => void) {
    this.#killSwitch = killSwitch;
    const { env } = process;
    this.#child = fork(PROGRAM, args, { env: { ...GIVE_MEMORY_BACK, ...env } });
    killSwitch.watch(this.#child);
    this.#child.on('message', (message) => this.#onMessage(message as ServiceMessage, onStopping));
    this.end = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        const ranMs = this.#readyMs === undefined ? null : performance.now() - this.#readyMs;
        const told = this.#exitCode;
        resolve(told === undefined ? { code, signal, ranMs } : { code: told, signal: null, ranMs });
      });
      this.#child.on('error', (error) => {
        if (this.#child.pid !== undefined) return;
        report(`no process can be started (${error.message})`);
        resolve({ code: EXIT_NOT_CREATED, signal: null, ranMs: null });
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Passes SIGHUP on once the service is ready. Before, it has no listener, and the signal would end it. */
  hangUp(): void {
    if (this.#readyMs === undefined) this.#isHungUp = true;
    else this.#child.kill('SIGHUP');
  }

  #onMessage(message: ServiceMessage, onStopping: () => void): void {
    if (message.is === 'ready') {
      this.#readyMs = performance.now();
      this.#killSwitch.setGrace(message.graceMs);
      if (this.#isHungUp) this.hangUp();
    } else if (message.is === 'stopping') {
      this.#killSwitch.setGrace(message.graceMs);
      onStopping();
    } else {
      this.#exitCode = message.code;
      this.#killSwitch.onExiting();
    }
  }
}

/** Ends the parent. Its messages may be stuck, and an exit would wait for them. */
async function exit(code: number): Promise<never> {
  await errors.flush(MAX_FLUSH_MS);
  if (errors.isStuck()) process.kill(process.pid, 'SIGKILL');
  return process.exit(code);
}

/**
 * Runs the service in a child process, and starts it again when it fails. A service that exits without ever having been
 * ready is not started again, because its command line or its configuration is probably wrong. Signals are passed on to
 * the child. Ends this process with the exit code of the service, or 0 when a signal came while no service ran.
 *
 * @param args the command line, beginning with `serve`
 */
export async function supervise(args: readonly string[]): Promise<never> {
  const restarts = new RestartBackoff();
  const stopRequest = new AbortController();
  const killSwitch = new KillSwitch();
  let run: ServiceRun | undefined;
  let wasReady = false;
  const onStopping = () => {
    stopRequest.abort();
    killSwitch.onStopping();
  };
  for (const signal of STOP_SIGNALS)
    process.on(signal, () => {
      stopRequest.abort();
      killSwitch.onSignal();
      run?.signal(signal);
    });
  // The service decides whether its terminal has gone away.
  process.on('SIGHUP', () => run?.hangUp());
  for (const signal of IDLE_SIGNALS) process.on(signal, () => {});

  while (!stopRequest.signal.aborted) {
    run = new ServiceRun(args, killSwitch, onStopping);
    const end = await run.end;
    wasReady ||= end.ranMs !== null;
    const isFinal = end.code === 0 || (end.signal === null && !wasReady);
    if (stopRequest.signal.aborted || isFinal)
      return exit(end.signal === 'SIGKILL' ? (killSwitch.exitCode ?? exitCodeOf(end)) : exitCodeOf(end));
    const waitMs = restarts.waitAfter(end.ranMs ?? 0);
    report(`${endText(end)}; it is started again ${waitMs === 0 ? 'now' : `in ${waitMs / 1_000} s`}.`);
    await sleep(waitMs, undefined, { signal: stopRequest.signal }).catch(() => {});
  }
  return exit(0);
}
