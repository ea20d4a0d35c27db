/** Operations about API keys and what they allow. */
import type { Call, Handlers, Reply } from '../call.ts';

/** `GET /v1/me` */
async function getMe({ principal }: Call<'getMe'>): Promise<Reply> {
  const { keyId, name, role, queues, businesses } = principal;
  return { body: { key_id: keyId, name, role, queues, businesses } };
}

export const accessHandlers = { getMe } satisfies Partial<Handlers>;
