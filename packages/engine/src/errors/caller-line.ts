import { TaskCenterError } from './task-center-error.ts';

/** The promises between the one that is resolved with ours and the one that a caller awaits are linked after this number of turns. */
const LINKED_AFTER = 3;

/** The lines of the functions that await the promise of the running continuation. Node's own run it, and await nothing. */
function awaitingLines(continuation: (...args: never) => unknown): string[] {
  const seen: { stack?: string } = {};
  Error.captureStackTrace(seen, continuation);
  return (seen.stack ?? '').split('\n').filter((line) => /^\s+at (?!.*\bnode:)/.test(line));
}

/**
 * Rejects with the error, whose stack then names the lines that wait for the promise that was resolved with this one. A call that
 * other calls are combined with fails far from its caller, and a stack for each call would cost a fifth of an enqueue. V8 finds who
 * awaits only once the promises are linked, so a call that succeeds pays nothing. Each caller gets an error of its own.
 */
export async function rejectNamingCaller(failure: unknown): Promise<never> {
  if (!(failure instanceof TaskCenterError)) throw failure;
  for (let turn = 0; turn < LINKED_AFTER; turn += 1) await Promise.resolve();
  const lines = awaitingLines(rejectNamingCaller);
  if (lines.length === 0) throw failure;
  const { code, details, cause } = failure;
  const own = new TaskCenterError(code, details, cause === undefined ? {} : { cause });
  own.stack = [`${own.name}: ${own.message}`, ...lines].join('\n');
  throw own;
}
