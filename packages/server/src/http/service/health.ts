/** Health checks. They need no key and are answered under any load; what each check has found is for operators. */
import { isTaskCenterError, within } from '@task-center/engine';
import { requireRole, requireUnbound } from '../../auth/principal.ts';
import type { HealthReport } from '../../observe/health.ts';
import { RETRY_LATER } from '../../problem.ts';
import type { Call, Reply } from '../call.ts';

type HealthCall = Call<'getHealth' | 'getReadiness' | 'getStartup'>;

/** Longest time to look a key up. While the broker is away, an operator gets the plain answer, which says that. */
const MAX_SIGN_IN_MS = 2_000;

/**
 * Whether the caller is shown the checks. Without a key nobody is, and a probe that asks for them all the same gets the plain answer. While keys
 * cannot be looked up, neither is an operator.
 *
 * @throws ProblemError `unauthenticated`, `forbidden`
 */
async function seesChecks({ query, headers, deps }: HealthCall): Promise<boolean> {
  const authorization = headers.get('authorization');
  if (query.verbose === undefined || query.verbose === 'false' || authorization === null) return false;
  try {
    const { clock } = deps.runtime;
    const principal = await within(clock, MAX_SIGN_IN_MS, () => deps.authenticate(authorization));
    if (principal === undefined) return false;
    requireRole(principal, 'operator');
    requireUnbound(principal, 'see what health checks have found');
    return true;
  } catch (error) {
    if (isTaskCenterError(error, 'broker-unavailable')) return false;
    throw error;
  }
}

/** `status` other than `ok` is 503. */
async function answer(call: HealthCall, { status, checks }: HealthReport): Promise<Reply> {
  // While the broker is out of reach, to look the key up would only take time.
  const isShown = status !== 'unavailable' && (await seesChecks(call));
  const body = isShown ? { status, checks } : { status };
  return status === 'ok' ? { body } : { status: 503, body, headers: RETRY_LATER };
}

/** `GET /healthz`: liveness. The broker's state does not matter: restarting this process would not repair it. */
export async function getHealth(call: Call<'getHealth'>): Promise<Reply> {
  return answer(call, call.deps.health.process());
}

/**
 * `GET /readyz`: whether to send requests here. 503 while starting or stopping, while the broker is unavailable, full or unsafe, and
 * while something in this process hangs.
 */
export async function getReadiness(call: Call<'getReadiness'>): Promise<Reply> {
  const { phase, isLeaving } = call.deps.state;
  const isReady = phase === 'ready';
  const status = isLeaving ? 'stopping' : 'starting';
  return answer(call, isReady ? await call.deps.health.service() : { status, checks: [] });
}

/** `GET /startupz`: 503 until the service has started. */
export async function getStartup(call: Call<'getStartup'>): Promise<Reply> {
  const status = call.deps.state.phase === 'starting' ? 'starting' : 'ok';
  return answer(call, { status, checks: [] });
}
