/** The caller of an operation, and the checks of what it may do. */
import { ROLES, type Role, type RouteRole } from '@task-center/api';
import { ProblemError } from '../problem.ts';

/** The caller: an API key with its role and scope. Scopes: null = everything. */
export interface Principal {
  readonly keyId: string;
  readonly name: string | null;
  readonly role: Role;
  readonly queues: readonly string[] | null;
  readonly businesses: readonly string[] | null;
}

/**
 * Whether `text` matches `glob`; `*` stands for any number of characters. No regular expression: a glob cannot be
 * slow.
 */
function matchesGlob(glob: string, text: string): boolean {
  const [first = '', ...rest] = glob.split('*');
  if (rest.length === 0) return glob === text;
  const last = rest.pop() ?? '';
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last))
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= text.length - last.length;
}

/** Whether the key's scope includes the logical queue. */
export function seesQueue({ queues }: Principal, name: string): boolean {
  return queues === null || queues.some((glob) => matchesGlob(glob, name));
}

/**
 * Whether the key's scope includes tasks of the business. Tasks without one (null) are hidden from keys with
 * businesses.
 */
export function seesBusiness({ businesses }: Principal, business: string | null): boolean {
  return businesses === null || (business !== null && businesses.includes(business));
}

/** @throws ProblemError `forbidden` */
export function requireQueueAccess(principal: Principal, name: string): void {
  if (seesQueue(principal, name)) return;
  throw new ProblemError('forbidden', `The key's scope does not include the queue ${JSON.stringify(name)}.`, {
    extra: { needed: { queue: name } },
  });
}

/**
 * Checks that the key is bound to no business and no queue, for what all of them share.
 *
 * @param what such as `change calendars`
 * @throws ProblemError `forbidden`
 */
export function requireUnbound({ businesses, queues }: Principal, what: string): void {
  if (businesses === null && queues === null) return;
  throw new ProblemError('forbidden', `A key that is bound to businesses or queues may not ${what}.`, {
    extra: { needed: { businesses: null, queues: null } },
  });
}

/** Whether the key has this role, or one that may do more. */
export const hasRole = ({ role }: Principal, needed: Role): boolean =>
  ROLES.indexOf(role) >= ROLES.indexOf(needed);

/** @throws ProblemError `forbidden` */
export function requireRole(principal: Principal, needed: RouteRole): void {
  if (needed === '-' || hasRole(principal, needed)) return;
  throw new ProblemError(
    'forbidden',
    `This operation needs a key with the role ${needed}; this key has the role ${principal.role}.`,
    {
      extra: { needed: { role: needed } },
    },
  );
}
