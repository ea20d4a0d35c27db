import { randomInt } from 'node:crypto';
import { formatApiKey, type ApiKey, type Role } from '@task-center/api';
import type { Broker } from '@task-center/engine';
import { KEY_KIND, secretHash, type KeyRecord } from './key-record.ts';

const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ID_DIGITS = '0123456789abcdefghijklmnopqrstuvwxyz';
const ID_LENGTH = 12;
const SECRET_LENGTH = 43;

const randomText = (alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');

/** A new key with a random ID and secret. */
export function newApiKey(env: string): ApiKey {
  return { env, id: randomText(ID_DIGITS, ID_LENGTH), secret: randomText(DIGITS, SECRET_LENGTH) };
}

/** What a new key may do. Scopes that are left out include everything. */
export interface NewKey {
  /** Default `admin`. */
  readonly role?: Role;
  /** Label for people. */
  readonly name?: string;
  /** Globs of queue names. */
  readonly queues?: readonly string[];
  readonly businesses?: readonly string[];
}

/** The `<env>` of the keys that this program creates. */
export const KEY_ENV = 'live';

/** The record to store for a key. */
export function recordOf(key: ApiKey, options: NewKey, nowMs: number): KeyRecord {
  return {
    secret_sha256: secretHash(key.secret),
    env: key.env,
    name: options.name ?? null,
    role: options.role ?? 'admin',
    queues: options.queues === undefined ? null : [...options.queues],
    businesses: options.businesses === undefined ? null : [...options.businesses],
    created_at: new Date(nowMs).toISOString(),
    expires_at: null,
    revoked_at: null,
  };
}

/**
 * Creates a key directly on the broker, without HTTP: for an administrator who has lost every key.
 *
 * @returns the key's text, which cannot be read again later, and its public ID.
 */
export async function createLocalKey(
  broker: Pick<Broker, 'documents'>,
  options: NewKey = {},
): Promise<{ readonly key: string; readonly id: string }> {
  const key = newApiKey(KEY_ENV);
  await broker.documents.put(KEY_KIND, key.id, recordOf(key, options, Date.now()), 0);
  return { key: formatApiKey(key), id: key.id };
}
