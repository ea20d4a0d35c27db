/** `GET /metrics`: figures for Prometheus. */
import { requireUnbound } from '../../auth/principal.ts';
import { PlainText, type Call, type Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';
import { isOnThisMachine } from './page.ts';

/** Whether the metrics need no key: as configured, or on this machine in mode `try`. */
export const isOpenTo = (deps: AppDeps, headers: Headers): boolean =>
  deps.config.metrics.open || isOnThisMachine(deps, headers);

/**
 * `GET /metrics`. All businesses share the figures: a key that is bound to some of them may not read them.
 *
 * @throws ProblemError `forbidden`
 */
export async function getMetrics({ principal, query, headers, deps }: Call<'getMetrics'>): Promise<Reply> {
  if (!isOpenTo(deps, headers)) requireUnbound(principal, 'read the metrics');
  const { scope, compat } = query;
  return { body: new PlainText(await deps.metrics.text({ scope, ...(compat && { compat }) })) };
}
