import { ApiError, type Problem } from '@task-center/api';

interface Explained {
  readonly message: string;
  /** What to do; errors of the engine bring it. */
  readonly fix?: string;
}

function itemText(item: NonNullable<Problem['errors']>[number]): string {
  const place = item.pointer ?? item.parameter ?? item.header ?? '';
  const got = item.got === null ? '' : ` (found ${item.got})`;
  return `${place} ${item.message}${got}`.trim();
}

function problemText({ status, problem }: ApiError): string {
  if (problem === null) return `Something that is not Task Center answered with status ${status}.`;
  if (problem.errors?.length) return `${problem.title}: ${problem.errors.map(itemText).join('; ')}.`;
  const configuration = problem['configuration'];
  return typeof configuration === 'string' && !problem.detail.includes(configuration)
    ? `${problem.detail} To allow it: ${configuration}`
    : problem.detail;
}

/** An error as one line that says what was wrong and what to do; never a stack. */
export function explain(error: unknown): string {
  if (error instanceof ApiError) return problemText(error);
  const { message, fix } = (error instanceof Error ? error : { message: String(error) }) as Explained;
  return fix === undefined ? message : `${message} ${fix}`;
}
