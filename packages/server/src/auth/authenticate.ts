import { timingSafeEqual } from 'node:crypto';
import type { Broker, Clock } from '@task-center/engine';
import { ProblemError } from '../problem.ts';
import { findKeyRecord, isLive, type KeyRecord } from './key-record.ts';
import { parseApiKey, secretHash } from './key.ts';
import type { Principal } from './principal.ts';

/** Who sent a request with this `Authorization` header. Rejects with `unauthenticated`, or as the broker's calls. */
export type Authenticate = (authorization: string | null) => Promise<Principal>;

interface Cached {
  readonly record: Promise<KeyRecord | null>;
  readonly untilMs: number;
}

/** A revoked key is refused everywhere within this time. */
const CACHED_MS = 1_000;
const MAX_CACHED = 10_000;
/** Compared with where there is no record, so that every refusal takes the same steps. */
const NOBODY = '0'.repeat(64);

/** One answer for every cause. */
function refused(): ProblemError {
  return new ProblemError('unauthenticated', 'Send a valid API key: "Authorization: Bearer tc_…".', {
    headers: { 'www-authenticate': 'Bearer realm="task-center"' },
  });
}

export function createAuthenticate(broker: Pick<Broker, 'documents'>, clock: Clock): Authenticate {
  const cache = new Map<string, Cached>();

  function recordOf(id: string): Promise<KeyRecord | null> {
    const nowMs = clock.monotonicMs();
    const cached = cache.get(id);
    if (cached !== undefined && cached.untilMs > nowMs) return cached.record;
    if (cache.size >= MAX_CACHED) cache.clear();
    const record = findKeyRecord(broker, id);
    // A failed look is not kept: the next call looks again.
    record.catch(() => cache.delete(id));
    cache.set(id, { record, untilMs: nowMs + CACHED_MS });
    return record;
  }

  return async (authorization) => {
    const key = parseApiKey(/^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? '');
    if (key === null) throw refused();
    const record = await recordOf(key.id);
    const expected = Buffer.from(record?.secret_sha256 ?? NOBODY);
    const same = timingSafeEqual(expected, Buffer.from(secretHash(key.secret)));
    if (record === null || !same || key.env !== record.env || !isLive(record, clock.wallMs()))
      throw refused();
    const { name, role, queues, businesses } = record;
    return { keyId: key.id, name, role, queues, businesses };
  };
}
