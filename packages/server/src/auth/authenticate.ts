/** Checks API keys. The broker stores only a hash of each secret; records are cached for a second. */
import { timingSafeEqual } from 'node:crypto';
import { parseApiKey } from '@task-center/api';
import type { Broker, Runtime } from '@task-center/engine';
import { ProblemError } from '../problem.ts';
import { findKeyRecord, isLive, secretHash, type KeyRecord } from './key-record.ts';
import type { Principal } from './principal.ts';
import { RefusalLog, type SignInFault } from './refusal-log.ts';

/** The principal behind an `Authorization` header. Rejects with `unauthenticated`, or with the broker's error. */
export type Authenticate = (authorization: string | null) => Promise<Principal>;

interface Cached {
  readonly record: Promise<KeyRecord | null>;
  readonly untilMs: number;
}

/** How long a record is cached, and so how long a revoked key may still pass. */
const CACHED_MS = 1_000;
const MAX_CACHED = 10_000;
/** Compared with where no record exists: every refusal takes the same steps, and its duration reveals nothing. */
const NO_SECRET_HASH = '0'.repeat(64);

/** One answer for every cause: an attacker must not learn whether a key exists. */
function unauthenticated(): ProblemError {
  return new ProblemError('unauthenticated', 'Send a valid API key: "Authorization: Bearer tc_…".', {
    headers: { 'www-authenticate': 'Bearer realm="task-center"' },
  });
}

/** Why a key is refused that was parsed; null = it is not. */
function signInFault(record: KeyRecord | null, isSame: boolean, nowMs: number): SignInFault | null {
  if (record === null) return 'unknown key';
  if (!isSame) return 'wrong secret';
  return isLive(record, nowMs) ? null : 'expired or revoked';
}

/** Creates the check of API keys, with a cache of its own. @param onRefused called with the reason of each refusal */
export function createAuthenticate(
  broker: Pick<Broker, 'documents'>,
  runtime: Pick<Runtime, 'clock' | 'log'>,
  onRefused: (reason: SignInFault) => void = () => {},
): Authenticate {
  const { clock } = runtime;
  const cache = new Map<string, Cached>();
  const refusals = new RefusalLog(runtime);

  function refuse(reason: SignInFault, keyId?: string): never {
    refusals.add(reason, keyId);
    onRefused(reason);
    throw unauthenticated();
  }

  function recordOf(id: string): Promise<KeyRecord | null> {
    const nowMs = clock.monotonicMs();
    const cached = cache.get(id);
    if (cached !== undefined && cached.untilMs > nowMs) return cached.record;
    if (cache.size >= MAX_CACHED) cache.clear();
    const record = findKeyRecord(broker, id);
    // A failed read is not cached: the next call reads again.
    record.catch(() => cache.delete(id));
    cache.set(id, { record, untilMs: nowMs + CACHED_MS });
    return record;
  }

  return async (authorization) => {
    const key = parseApiKey(/^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '');
    if (key === null) return refuse(authorization === null ? 'no key' : 'not a key');
    const record = await recordOf(key.id);
    const expected = Buffer.from(record?.secret_sha256 ?? NO_SECRET_HASH);
    const isSame = timingSafeEqual(expected, Buffer.from(secretHash(key.secret)));
    const refusal = signInFault(record, isSame && key.env === record?.env, clock.wallMs());
    if (record === null || refusal !== null) return refuse(refusal ?? 'unknown key', key.id);
    const { name, role, queues, businesses } = record;
    return { keyId: key.id, name, role, queues, businesses };
  };
}
