/**
 * `GET /metrics`: figures for Prometheus. The engine makes them; here is who may read them.
 */
import { requireUnbound } from '../../auth/principal.ts';
import { PlainText, type Call, type Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';
import { isOnThisMachine } from './page.ts';

/**
 * Whether the metrics need no key: as configured, or on this machine in mode `try`. There the request must also name this
 * machine, as a foreign page could reach the service under a name of its own.
 */
export const isOpenTo = (deps: AppDeps, headers: Headers): boolean =>
  deps.config.metrics.open || isOnThisMachine(deps, headers);

/**
 * `GET /metrics`. All businesses share the figures: a key that is bound to some of them may not read them.
 *
 * @throws ProblemError `forbidden`
 */
export async function getMetrics({ principal, query, headers, deps }: Call<'getMetrics'>): Promise<Reply> {
  // Without a key it is open to anyone who got here.
  if (headers.get('authorization') !== null) requireUnbound(principal, 'read the metrics');
  const { scope, compat } = query;
  return { body: new PlainText(await deps.metrics.text({ scope, ...(compat && { compat }) })) };
}
