import { TaskCenterError } from '../../../errors/task-center-error.ts';

/** The server answered with an error; its message is the server's. */
export class ErrorReply extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ErrorReply';
  }
}

/**
 * What an error reply of Redis asks for: `wait` = repeat the call later, `send-text` = the script is not in its
 * cache, `full` and `refused` = tell the caller.
 */
export type ErrorAction = 'wait' | 'send-text' | 'full' | 'refused';

/** By the first word: inside scripts the same texts have a suffix (reliability A.3). */
const ERROR_ACTIONS: Readonly<Record<string, ErrorAction>> = {
  LOADING: 'wait',
  BUSY: 'wait',
  READONLY: 'wait',
  MASTERDOWN: 'wait',
  TRYAGAIN: 'wait',
  CLUSTERDOWN: 'wait',
  MISCONF: 'wait',
  NOREPLICAS: 'wait',
  NOSCRIPT: 'send-text',
  OOM: 'full',
};
/** They are said of who calls, before the call is looked at. */
const OF_THE_USER = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);
const TOO_MANY_CLIENTS = 'ERR max number of clients';
const MAX_CAUSE_LENGTH = 300;

const wordOf = (reply: Error) => reply.message.split(' ', 1)[0] ?? '';

/** Whether it says nothing of what an earlier attempt of the same call did. */
export const refusesUser = (reply: Error): boolean => OF_THE_USER.has(wordOf(reply));

export function errorActionOf(reply: Error): ErrorAction {
  if (reply.message.startsWith(TOO_MANY_CLIENTS)) return 'wait';
  const word = wordOf(reply);
  return (Object.hasOwn(ERROR_ACTIONS, word) && ERROR_ACTIONS[word]) || 'refused';
}

/** Why a connection failed, in one line. A host name with several addresses fails with one error for each. */
export function causeOf(error: unknown): string {
  const one: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const text = one instanceof Error ? one.message || one.name : String(one);
  return (text.split('\n', 1)[0] ?? '').slice(0, MAX_CAUSE_LENGTH).replace(/\.$/, '');
}

/** `broker-full` or `broker-refused`, for an error reply that asks for it. */
export function refusal(broker: string, reply: Error): TaskCenterError {
  return errorActionOf(reply) === 'full'
    ? new TaskCenterError('broker-full', { broker })
    : new TaskCenterError('broker-refused', { broker, cause: causeOf(reply) });
}
