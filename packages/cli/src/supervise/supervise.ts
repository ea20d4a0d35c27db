import { fork, type ChildProcess } from 'node:child_process';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Restarts } from './restarts.ts';

const PROGRAM = new URL('./service.process.js', import.meta.url);
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A second signal, if it is no echo of the first (see `serve`), ends the service at once; so long it may take. */
const ECHO_MS = 500;
const AT_ONCE_MS = 1_000;
const EXIT_INTERRUPTED = 130;
/** Of a process that could not even be made. */
const NOT_STARTED = 1;

/** How a service process ended. */
interface Life {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** How long it ran, ms; null = it never was ready. */
  readonly ranMs: number | null;
}

/** Resolves when the process has ended; its first and only message says that it is ready. */
function lifeOf(child: ChildProcess): Promise<Life> {
  let readyMs: number | undefined;
  return new Promise((resolve) => {
    child.once('message', () => (readyMs = performance.now()));
    child.once('exit', (code, signal) =>
      resolve({ code, signal, ranMs: readyMs === undefined ? null : performance.now() - readyMs }),
    );
    child.on('error', (error) => {
      if (child.pid !== undefined) return;
      say(`no process can be started (${error.message})`);
      resolve({ code: NOT_STARTED, signal: null, ranMs: null });
    });
  });
}

function say(text: string): void {
  process.stderr.write(`task-center: ${text}\n`);
}

function endText({ code, signal, ranMs }: Life): string {
  const how = signal ?? `exit code ${code}`;
  return ranMs === null ? `the service did not come up (${how})` : `the service ended unexpectedly (${how})`;
}

/** Ends a service that hangs and hears no signal, when it is told a second time. */
function createImpatience() {
  let askedMs: number | undefined;
  let killed = false;
  return {
    get killed() {
      return killed;
    },
    signalled(child: ChildProcess | undefined): void {
      askedMs ??= performance.now();
      if (performance.now() - askedMs <= ECHO_MS) return;
      setTimeout(() => (killed ||= child?.kill('SIGKILL') ?? false), AT_ONCE_MS).unref();
    },
  };
}

const exitCode = ({ code, signal }: Life) => code ?? 128 + (signal === null ? 0 : constants.signals[signal]);

/**
 * Runs the service in a process of its own, and starts that again whenever it fails after it once ran. Signals are passed on.
 *
 * @param args words of the command line, `serve` first.
 * @returns the exit code: the service's, or 0 when a signal came while none ran.
 */
export async function supervise(args: readonly string[]): Promise<number> {
  const restarts = new Restarts();
  const asked = new AbortController();
  const impatience = createImpatience();
  let child: ChildProcess | undefined;
  let ranOnce = false;
  for (const signal of PASSED_ON)
    process.on(signal, () => {
      asked.abort();
      child?.kill(signal);
      impatience.signalled(child);
    });
  // Whoever read our few lines may be gone; that is no reason to leave the service alone.
  process.stderr.on('error', () => {});

  while (!asked.signal.aborted) {
    child = fork(PROGRAM, args);
    const life = await lifeOf(child);
    ranOnce ||= life.ranMs !== null;
    const inOrder = life.code === 0 || (life.signal === null && !ranOnce);
    if (asked.signal.aborted || inOrder) return impatience.killed ? EXIT_INTERRUPTED : exitCode(life);
    const waitMs = restarts.waitAfter(life.ranMs ?? 0);
    say(`${endText(life)}; it is started again ${waitMs === 0 ? 'now' : `in ${waitMs / 1_000} s`}.`);
    await sleep(waitMs, undefined, { signal: asked.signal }).catch(() => {});
  }
  return 0;
}
