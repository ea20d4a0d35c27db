/** The process that started this one, and starts it again when it fails. */
export interface Parent {
  /** Tells it that the service runs. */
  ready(): void;
  /** Calls `listener` when it has ended, in whatever way. */
  onGone(listener: () => void): void;
}

/** What a command uses of its process; `here.ts` alone reads the real one. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether standard output, and the other one, are terminals that want colours. */
  readonly colours: { readonly out: boolean; readonly err: boolean };
  /** Whether standard error is read by a person. */
  readonly errIsTerminal: boolean;
  /** Writes a line (or several) to standard output. */
  out(text: string): void;
  /** Writes a line (or several) to standard error. */
  err(text: string): void;
  /** Everything on standard input, as text. */
  readInput(): Promise<string>;
  /** Null = this process was not started by one that watches it. */
  readonly parent: Parent | null;
  /** Calls `listener` at each SIGINT and SIGTERM, until the function it returns is called. */
  onSignal(listener: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}
