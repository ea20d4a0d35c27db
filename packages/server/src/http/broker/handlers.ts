/** Operations on the store of tasks itself. */
import type { BrokerState } from '@task-center/api';
import { control } from '@task-center/engine';
import { requireUnbound } from '../../auth/principal.ts';
import { ProblemError } from '../../problem.ts';
import { Download, type Call, type Handlers, type Reply } from '../call.ts';

const timeOf = (ms: number): string => new Date(ms).toISOString();

/**
 * `GET /v1/broker`. All businesses share the broker: a key that is bound to some of them may not see how it fares.
 *
 * @throws ProblemError `forbidden`
 */
async function getBroker({ principal, deps }: Call<'getBroker'>): Promise<Reply> {
  if (principal.businesses !== null)
    throw new ProblemError('forbidden', 'A key that is bound to businesses may not see the broker.', {
      extra: { needed: { businesses: null } },
    });
  const { kind, version, role, memory, persistence, findings } = control.getBrokerState(deps.broker);
  const body: BrokerState = {
    kind,
    version,
    role,
    memory: memory && {
      used_bytes: memory.usedBytes,
      max_bytes: memory.maxBytes,
      policy: memory.policy,
      evicted_keys: memory.evictedKeys,
    },
    persistence: persistence && {
      aof: persistence.aof,
      saved_at: persistence.savedAtMs === null ? null : timeOf(persistence.savedAtMs),
    },
    findings: findings.map(({ sinceMs, ...finding }) => ({ ...finding, since: timeOf(sinceMs) })),
  };
  return { body };
}

/** The name under which browsers and `curl -OJ` keep a copy: `tasks-2026-11-30T06-45-15Z.db`. */
function fileName(wallMs: number): string {
  const time = new Date(wallMs).toISOString().replace(/\..*/, 'Z').replaceAll(':', '-');
  return `tasks-${time}.db`;
}

/**
 * `GET /v1/broker/backup`. The copy is whole before its first byte is sent: its size is known then, and an error still has an
 * answer of its own. A copy has everything: a key that is bound to some businesses or queues may not have it.
 *
 * @throws ProblemError `forbidden`
 */
async function getBrokerBackup({ principal, deps, isGone }: Call<'getBrokerBackup'>): Promise<Reply> {
  requireUnbound(principal, 'back up the broker');
  const { bytes, content } = await control.openBackup(deps.broker, { signal: isGone() });
  const name = fileName(deps.runtime.clock.wallMs());
  return {
    body: new Download(content),
    headers: {
      'content-length': String(bytes),
      'content-disposition': `attachment; filename="${name}"`,
    },
  };
}

export const brokerHandlers = { getBroker, getBrokerBackup } satisfies Partial<Handlers>;
