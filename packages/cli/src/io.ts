import type { Sink } from '@task-center/engine/sink';
import type { ServiceSignal } from './signals.ts';

/** What the process of a service tells its parent. */
export type ServiceMessage =
  /** It serves. `graceMs`: how long a stop may take. */
  | { readonly is: 'ready'; readonly graceMs: number }
  /** It has begun to stop: by a signal, or because its terminal or its parent has gone. */
  | { readonly is: 'stopping'; readonly graceMs: number | null }
  /** It exits now, with this code. */
  | { readonly is: 'exiting'; readonly code: number };

/** The process that started this one, and that starts it again when it fails. */
export interface Parent {
  /** Tells it how the service does. */
  tell(message: ServiceMessage): void;
  /** Calls `listener` when the parent has ended for any reason. */
  onGone(listener: () => void): void;
}

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
  /** Resolves to all of standard input. `decodeText` makes a text of it. */
  readInput(): Promise<Uint8Array>;
  /** The process as one that serves; null = this process does not. */
  readonly service: ServiceProcess | null;
  /** Calls `listener` at each of these signals. Call the returned function to unsubscribe. */
  onSignal(signals: readonly ServiceSignal[], listener: (signal: ServiceSignal) => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}

/** What only the process of a service has. */
export interface ServiceProcess {
  readonly parent: Parent;
  /** Standard output, for the log. */
  readonly log: Pick<Sink, 'write' | 'takeDropped'>;
  /** Whether the terminal from which the service was started has gone away. */
  isTerminalGone(): boolean;
}
