import type { Duration } from '@task-center/model';
import { func, withMethods } from '../checks/values.ts';
import { systemClock } from '../runtime/clock.ts';
import { onProcessSignal } from '../runtime/process-signals.ts';
import { within } from '../runtime/within.ts';

/** A worker, a scheduler or a manager of periodic tasks. */
export interface Runnable {
  start(): Promise<void>;
  /** A worker gives back what does not end within `timeout`. May be called again, to shorten that time. */
  stop(options?: { readonly timeout?: Duration }): Promise<void>;
  /** Resolves when it has stopped, by a call of `stop` or by the end of the broker. */
  whenStopped?(): Promise<void>;
  /** Takes no more tasks; running attempts go on. Only workers have it. */
  stopTaking?(): void;
}

const runnable = withMethods('a worker, a scheduler or a manager of periodic tasks', ['start', 'stop']);

/** @throws TaskCenterError `invalid-value` */
function checkRunnable(worker: Runnable): void {
  runnable(worker, 'worker');
  const { stopTaking, whenStopped } = worker;
  for (const [name, method] of Object.entries({ stopTaking, whenStopped }))
    if (method !== undefined) func(method, `worker.${name}`);
}

/** Ctrl-C reaches every process of a terminal's group, and npm passes it on as well: a signal this soon is a copy of the first. */
const SAME_SIGNAL_MS = 500;
/** Time to give tasks back before the process ends. */
const GIVE_BACK_MS = 900;

/** Without a listener each would end the process at once, and each task that runs would count a loss. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2', 'SIGXCPU', 'SIGPWR'] as const;
type StopSignal = (typeof STOP_SIGNALS)[number];

/** Creates the function that says what a signal asks for: an orderly stop, or an end within a second. */
function createSignalMeaning(): (signal: StopSignal) => 'stop' | 'end' | 'nothing' {
  let firstMs: number | undefined;
  let isEnding = false;
  return (signal) => {
    const nowMs = systemClock.monotonicMs();
    // The terminal is gone: nobody waits for an orderly stop.
    const endsAtOnce = signal === 'SIGHUP';
    if (firstMs === undefined) {
      firstMs = nowMs;
      if (!endsAtOnce) return 'stop';
    }
    if (isEnding || (!endsAtOnce && nowMs - firstMs <= SAME_SIGNAL_MS)) return 'nothing';
    isEnding = true;
    return 'end';
  };
}

/**
 * Starts a worker or a scheduler and handles signals as Asynq's do: TERM and INT stop it, and TSTP makes a worker take no
 * more tasks. QUIT, USR2, XCPU and PWR stop it, too. Resolves when it has stopped, also if the program itself stops it or closes its
 * broker. A second stop signal ends the process
 * within a second, and so does HUP, even as the first one. Tasks that still run are given back before, and count no loss.
 *
 * @throws TaskCenterError `invalid-value`, `worker-misused`, `scheduler-misused`
 */
export async function runUntilSignal(worker: Runnable): Promise<void> {
  checkRunnable(worker);
  const meaningOf = createSignalMeaning();
  let onStop = () => {};
  const stopSignal = new Promise<void>((resolve) => (onStop = resolve));
  const onSignal = (signal: StopSignal) => {
    const meaning = meaningOf(signal);
    if (meaning === 'stop') onStop();
    if (meaning === 'end') void end(signal);
  };
  const subscriptions: (() => void)[] = [];
  const unsubscribe = () => {
    for (const cancel of subscriptions) cancel();
  };
  const end = async (signal: StopSignal) => {
    await within(systemClock, GIVE_BACK_MS, () => worker.stop({ timeout: 0 })).catch(() => {});
    unsubscribe();
    // Without a listener it has its default action.
    process.kill(process.pid, signal);
  };
  if (worker.stopTaking) subscriptions.push(onProcessSignal('SIGTSTP', () => worker.stopTaking?.()));
  for (const signal of STOP_SIGNALS) subscriptions.push(onProcessSignal(signal, () => onSignal(signal)));
  try {
    await worker.start();
    await Promise.race([stopSignal, ...(worker.whenStopped ? [worker.whenStopped()] : [])]);
    await worker.stop();
  } finally {
    unsubscribe();
  }
}
