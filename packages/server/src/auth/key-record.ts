import * as z from 'zod';
import { ROLES } from '@task-center/api';
import type { Broker } from '@task-center/engine';

/** Documents of this kind are API keys, by their public ID. */
export const KEY_KIND = 'api-key';

const record = z.object({
  secret_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  env: z.string(),
  name: z.string().nullable(),
  role: z.enum(ROLES),
  /** Globs of queues; null = all. */
  queues: z.array(z.string()).nullable(),
  /** Null = all, and tasks of none. */
  businesses: z.array(z.string()).nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
});

/** An API key as the broker holds it: everything but its secret. */
export type KeyRecord = z.output<typeof record>;

/** The record in a stored document; null = it cannot be read, so the key opens nothing. */
export function readKeyRecord(value: unknown): KeyRecord | null {
  const read = record.safeParse(value);
  return read.success ? read.data : null;
}

/** Whether the key may be used at a time. */
export function isLive({ revoked_at, expires_at }: KeyRecord, nowMs: number): boolean {
  return revoked_at === null && (expires_at === null || Date.parse(expires_at) > nowMs);
}

export async function findKeyRecord(
  broker: Pick<Broker, 'documents'>,
  id: string,
): Promise<KeyRecord | null> {
  const document = await broker.documents.get(KEY_KIND, id);
  return document === null ? null : readKeyRecord(document.value);
}
