/** The process that started this one, and that starts it again when it fails. */
export interface Parent {
  /** Reports that the service has started. */
  ready(): void;
  /** Calls `listener` when the parent has ended for any reason. */
  onGone(listener: () => void): void;
}

/**
 * Ctrl-C reaches every process of a terminal's group, and npm passes it on as well. A signal within this time of the
 * first one is a copy of it.
 */
export const SAME_SIGNAL_MS = 500;
/** Exit code of a program that was told twice to stop, as after Ctrl-C in a shell: 128 plus the number of SIGINT. */
export const EXIT_INTERRUPTED = 130;

/** SIGHUP: the terminal is gone, and writing to it would delay an orderly stop. */
export type StopSignal = 'SIGINT' | 'SIGTERM' | 'SIGHUP';
/** Exit code of a program whose terminal was closed. */
export const EXIT_HUNG_UP = 129;

/** What a command uses of its process. Tests replace it; `process-io.ts` provides the real one. */
export interface Io {
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output and standard error are terminals that show colours. */
  readonly colours: { readonly out: boolean; readonly err: boolean };
  /** Whether standard error is a terminal, and not a log. */
  readonly errIsTerminal: boolean;
  /** Writes lines to standard output and adds a line feed. */
  out(text: string): void;
  /** Writes lines to standard error and adds a line feed. */
  err(text: string): void;
  /** Resolves to all of standard input, as text. */
  readInput(): Promise<string>;
  /** The supervising parent; null = there is none. */
  readonly parent: Parent | null;
  /** Calls `listener` at each SIGINT, SIGTERM and SIGHUP. Call the returned function to unsubscribe. */
  onSignal(listener: (signal: StopSignal) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}
