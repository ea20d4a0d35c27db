/** Health checks. They need no key and are answered under any load. */
import { control } from '@task-center/engine';
import type { Call, Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';
import { RETRY_LATER } from '../../problem.ts';

/** A broker that does not answer a ping within this time is unavailable. */
const MAX_PING_MS = 2_000;

/** `GET /healthz`: liveness. The broker's state does not matter: restarting this process would not repair it. */
export async function getHealth(): Promise<Reply> {
  return { body: { status: 'ok' } };
}

/** Whether the broker answers a ping in time. An error counts as no answer. */
async function isReachable({ broker, runtime }: AppDeps): Promise<boolean> {
  const answer = broker.ping().then(
    () => true,
    () => false,
  );
  const timeout = new AbortController();
  const timedOut = runtime.clock.sleep(MAX_PING_MS, timeout.signal).then(() => false);
  const isAnswered = await Promise.race([answer, timedOut]);
  timeout.abort();
  return isAnswered;
}

/**
 * `GET /readyz`: whether to send requests here. 503 while starting or stopping, while the broker is unavailable, and while a
 * finding voids its promises.
 */
export async function getReadiness({ deps }: Call<'getReadiness'>): Promise<Reply> {
  const { phase, isLeaving } = deps.state;
  const status = isLeaving ? 'stopping' : phase;
  if (phase !== 'ready') return { status: 503, body: { status }, headers: RETRY_LATER };
  if (!(await isReachable(deps)))
    return { status: 503, body: { status: 'unavailable' }, headers: RETRY_LATER };
  if (control.isBrokerUnsafe(deps.broker))
    return { status: 503, body: { status: 'unsafe' }, headers: RETRY_LATER };
  return { body: { status: 'ok' } };
}

/** `GET /startupz`: 503 until the service has started. */
export async function getStartup({ deps }: Call<'getStartup'>): Promise<Reply> {
  if (deps.state.phase === 'starting')
    return { status: 503, body: { status: 'starting' }, headers: RETRY_LATER };
  return { body: { status: 'ok' } };
}
