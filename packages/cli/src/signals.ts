// What signals mean to a service: docs/stop.md has the table.

/**
 * Each asks for an orderly stop. Terminals send INT and QUIT, supervisors and orchestrators TERM or the signal that they are
 * configured with, nodemon USR2, machines that lose power PWR, resource limits XCPU and ALRM. By default each would end the process
 * at once, and each of its tasks would count a loss. SIGBREAK is Windows' Ctrl-Break.
 */
export const STOP_SIGNALS = [
  'SIGINT',
  'SIGTERM',
  'SIGQUIT',
  'SIGUSR2',
  'SIGALRM',
  'SIGXCPU',
  'SIGPWR',
  'SIGBREAK',
] as const satisfies readonly NodeJS.Signals[];

/**
 * These do nothing. By default USR1 would open Node's debugger, and TSTP (Ctrl-Z) would suspend the process until others take
 * its tasks.
 */
export const IDLE_SIGNALS = ['SIGUSR1', 'SIGTSTP'] as const satisfies readonly NodeJS.Signals[];

export type ServiceSignal = (typeof STOP_SIGNALS)[number] | (typeof IDLE_SIGNALS)[number] | 'SIGHUP';

export const SERVICE_SIGNALS: readonly ServiceSignal[] = [...STOP_SIGNALS, ...IDLE_SIGNALS, 'SIGHUP'];

/** Whether a signal asks for an orderly stop. */
export const isStopSignal = (signal: ServiceSignal): boolean =>
  (STOP_SIGNALS as readonly string[]).includes(signal);

/**
 * Ctrl-C reaches every process of a terminal's group, and npm passes it on as well. A signal within this time of the
 * first one is a copy of it.
 */
export const SAME_SIGNAL_MS = 500;
/** Exit code of a program that was told twice to stop, as after Ctrl-C in a shell: 128 plus the number of SIGINT. */
export const EXIT_INTERRUPTED = 130;
