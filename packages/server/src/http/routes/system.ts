import { openapi, RawJson } from '@task-center/api';
import type { Call, Reply } from '../call.ts';
import type { AppDeps } from '../deps.ts';

/** Longer than this the broker counts as out of reach. */
const PING_MS = 2_000;

/** `GET /v1/me` */
export async function getMe({ principal }: Call<'getMe'>): Promise<Reply> {
  const { keyId, name, role, queues, businesses } = principal;
  return { body: { key_id: keyId, name, role, queues, businesses } };
}

/** `GET /healthz`: the process answers, so it lives. */
export async function getHealth(): Promise<Reply> {
  return { body: { status: 'ok' } };
}

async function reachable({ broker, runtime }: AppDeps): Promise<boolean> {
  const answer = broker.ping().then(
    () => true,
    () => false,
  );
  const patience = new AbortController();
  const late = runtime.clock.sleep(PING_MS, patience.signal).then(() => false);
  const reached = await Promise.race([answer, late]);
  patience.abort();
  return reached;
}

const RETRY = { 'retry-after': '2' };

/** `GET /readyz` */
export async function getReadiness({ deps }: Call<'getReadiness'>): Promise<Reply> {
  const { phase } = deps.state;
  if (phase !== 'ready') return { status: 503, body: { status: phase }, headers: RETRY };
  if (await reachable(deps)) return { body: { status: 'ok' } };
  return { status: 503, body: { status: 'unavailable' }, headers: RETRY };
}

/** `GET /startupz` */
export async function getStartup({ deps }: Call<'getStartup'>): Promise<Reply> {
  if (deps.state.phase === 'starting') return { status: 503, body: { status: 'starting' }, headers: RETRY };
  return { body: { status: 'ok' } };
}

/** `GET /version` */
export async function getVersion({ deps }: Call<'getVersion'>): Promise<Reply> {
  return { body: { version: deps.version, api: 'v1' } };
}

let contract: RawJson | undefined;

/** `GET /openapi.json`: made at the first call, the same from then on. */
export async function getOpenapi({ deps }: Call<'getOpenapi'>): Promise<Reply> {
  contract ??= new RawJson(JSON.stringify(openapi(deps.version)));
  return { body: contract };
}
