// Errors as the user sees them: one line that says what is wrong and what to do about it.

import { ApiError, type Problem } from '@task-center/api';

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

interface ExplainedError {
  readonly message: string;
  /** What to do about it. Errors of the engine have it. */
  readonly fix?: string;
}

/** An item of a problem: where, what, and the value that was found. */
function itemText(item: NonNullable<Problem['errors']>[number]): string {
  const location = item.pointer ?? item.parameter ?? item.header ?? '';
  const got = item.got === null ? '' : ` (found ${item.got})`;
  return `${location} ${item.message}${got}`.trim();
}

function problemText({ status, problem }: ApiError): string {
  if (problem === null) return `The answer has status ${status}, and does not say why.`;
  if (problem.errors?.length) return `${problem.title}: ${problem.errors.map(itemText).join('; ')}.`;
  const configuration = problem['configuration'];
  return typeof configuration === 'string' && !problem.detail.includes(configuration)
    ? `${problem.detail} To allow it: ${configuration}`
    : problem.detail;
}

/** An error in one line: what is wrong and what to do about it, never a stack. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return problemText(error);
  const { message, fix } = (error instanceof Error ? error : { message: String(error) }) as ExplainedError;
  return fix === undefined ? message : `${message} ${fix}`;
}
