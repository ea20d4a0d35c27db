/** What a command uses of its process; `main.ts` alone reads the real one. */
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
  /** Calls `listener` at each SIGINT and SIGTERM, until the function it returns is called. */
  onSignal(listener: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
}
