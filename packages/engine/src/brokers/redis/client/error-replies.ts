import { ownFaultOf } from '../../../runtime/own-faults.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';

/** An error reply of the server, with the server's own message. */
export class ErrorReply extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ErrorReply';
  }
}

/**
 * What the client does about an error reply. `wait`: repeat the call later. `send-text`: the script is not in the
 * server's cache, send its text. `full` and `refused`: end the call with an error.
 */
export type ErrorAction = 'wait' | 'send-text' | 'full' | 'refused';

/** By the error's code, its first word. The rest of the text varies: inside scripts it has a suffix. */
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
/** Errors about the user's login or rights: Redis gives them before it looks at the call. */
const ACCESS_CODES = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM']);
/** Errors that say something of the server or the user, not of the call. */
const HINTS = new Set([...ACCESS_CODES, 'READONLY', 'MISCONF', 'NOREPLICAS', 'OOM', 'MASTERDOWN']);
/** Redis gives this error to a script whose user may not run one of its commands, or use one of its keys. */
const SCRIPT_REFUSED = 'ERR The user executing the script';
/** This error has no code of its own. */
const TOO_MANY_CLIENTS = 'ERR max number of clients';
const MAX_CAUSE_LENGTH = 300;

const codeOf = (reply: Error) => reply.message.split(' ', 1)[0] ?? '';

/** Whether the user was refused. Such a reply says nothing about what an earlier attempt of the same call did. */
export const isAccessError = (reply: Error): boolean => ACCESS_CODES.has(codeOf(reply));

/** Whether a look at the server, its settings and the user's rights may explain the error. */
export const hintsAtFinding = (reply: Error): boolean =>
  HINTS.has(codeOf(reply)) || reply.message.startsWith(SCRIPT_REFUSED);

export function errorActionOf(reply: Error): ErrorAction {
  if (reply.message.startsWith(TOO_MANY_CLIENTS)) return 'wait';
  const code = codeOf(reply);
  return (Object.hasOwn(ERROR_ACTIONS, code) && ERROR_ACTIONS[code]) || 'refused';
}

/**
 * Why a connection failed, in one line. Connecting to a host name with several addresses fails with one error for each;
 * the first one counts.
 */
export function causeOf(error: unknown): string {
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  const text = first instanceof Error ? first.message || first.name : String(first);
  const line = (text.split('\n', 1)[0] ?? '').slice(0, MAX_CAUSE_LENGTH).replace(/\.$/, '');
  const own = ownFaultOf(first);
  return own === null ? line : `${line}: ${own.text}`;
}

/** The caller's error for a reply that ends its call: `broker-full` or `broker-refused`. */
export function refusalError(broker: string, reply: Error): TaskCenterError {
  return errorActionOf(reply) === 'full'
    ? new TaskCenterError('broker-full', { broker })
    : new TaskCenterError('broker-refused', { broker, cause: causeOf(reply) });
}
