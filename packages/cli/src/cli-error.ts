/** An error for the user: its message is printed without a stack, and the program ends. */
export class CliError extends Error {
  /** 1: the command failed; 2: the command line is not valid (`fsck`: nothing could be checked). */
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}
