/** Operations about the service itself. */
import { openapi, RawJson } from '@task-center/api';
import type { Call, Handlers, Reply } from '../call.ts';
import { getHealth, getReadiness, getStartup } from './health.ts';
import { getMetrics } from './metrics.ts';
import { getPage } from './page.ts';

/** `GET /version` */
async function getVersion({ deps }: Call<'getVersion'>): Promise<Reply> {
  return { body: { version: deps.version, api: 'v1' } };
}

/** The answer of `getOpenapi`. It depends only on the version, which does not change while the process runs. */
let contract: RawJson | undefined;

/** `GET /openapi.json`: generated at the first call, then cached. */
async function getOpenapi({ deps }: Call<'getOpenapi'>): Promise<Reply> {
  contract ??= new RawJson(JSON.stringify(openapi(deps.version)));
  return { body: contract };
}

export const serviceHandlers = {
  getHealth,
  getReadiness,
  getStartup,
  getVersion,
  getOpenapi,
  getMetrics,
  getPage,
} satisfies Partial<Handlers>;
