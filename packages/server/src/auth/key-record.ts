/**
 * API keys as they are stored in the broker, as documents of kind `api-key`.
 *
 * A new field of the record must be optional or have a default: records of older versions stay in brokers, and one that
 * cannot be read opens nothing.
 */
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { ROLES } from '@task-center/api';
import type { Broker } from '@task-center/engine';

/** Kind of the documents; their IDs are the keys' public IDs. */
export const KEY_KIND = 'api-key';

const recordSchema = z.object({
  secret_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  env: z.string(),
  name: z.string().nullable(),
  role: z.enum(ROLES),
  /** Globs of queue names; null = all queues. */
  queues: z.array(z.string()).nullable(),
  /** Null = all businesses, and tasks without one. */
  businesses: z.array(z.string()).nullable(),
  created_at: z.string(),
  expires_at: z.string().nullable(),
  revoked_at: z.string().nullable(),
});

/** An API key as the broker stores it: everything except the secret. */
export type KeyRecord = z.output<typeof recordSchema>;

/** The record in a stored document; null = it cannot be read. */
export function readKeyRecord(value: unknown): KeyRecord | null {
  const read = recordSchema.safeParse(value);
  return read.success ? read.data : null;
}

/** The stored form of a secret: its SHA-256 in hex. It needs no salt, because a secret is 256 random bits. */
export const secretHash = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Whether the key is neither revoked nor expired. `nowMs`: wall-clock ms. */
export function isLive({ revoked_at, expires_at }: KeyRecord, nowMs: number): boolean {
  return revoked_at === null && (expires_at === null || Date.parse(expires_at) > nowMs);
}

/** The record of a key by its public ID; null = there is none that can be read. */
export async function findKeyRecord(
  broker: Pick<Broker, 'documents'>,
  id: string,
): Promise<KeyRecord | null> {
  const document = await broker.documents.get(KEY_KIND, id);
  return document === null ? null : readKeyRecord(document.value);
}
