import { randomBytes } from 'node:crypto';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import type { Broker } from '../../broker/broker.ts';
import type { AllowableFinding, BrokerFacts } from '../../broker/findings.ts';
import { FindingWatch } from '../../findings/finding-watch.ts';
import { createRuntime, type Runtime } from '../../runtime/runtime.ts';
import { RedisClient, type RunOptions } from './client/redis-client.ts';
import { createCheck } from './facets/check.ts';
import { createClusterView } from './facets/cluster.ts';
import { createConsume } from './facets/consume.ts';
import { createControl } from './facets/control.ts';
import { createDurabilities } from './calls/durability.ts';
import { createDocuments } from './facets/documents.ts';
import { createGroups } from './facets/groups.ts';
import { createInspect } from './facets/inspect.ts';
import { createMaintain } from './facets/maintain.ts';
import { createPresence } from './facets/presence.ts';
import { createSemaphores } from './facets/semaphores.ts';
import { createSchedulerEntries } from './facets/scheduler-entries.ts';
import { createSignals } from './facets/signals.ts';
import { createSubmit } from './facets/submit.ts';
import { claimDatabase } from './schema-version.ts';
import { createReceipts } from './calls/receipts.ts';
import { createLeaseRenewerThread } from './leases/lease-renewer.ts';
import { createTopology } from './client/topology/create-topology.ts';
import { parseRedisUrl, type RedisSettings, type RedisTarget } from './client/url.ts';

export interface RedisBrokerOptions {
  /** `redis://…`, `rediss://…`, `redis-socket://…`, `redis-sentinel://…` or `redis-cluster://…`; see `parseRedisUrl`. */
  readonly url: string;
  /** Settings that the URL leaves out; they win over it. */
  readonly redis?: RedisSettings;
  /** The broker's time in wall-clock ms, for tests. Default: Redis' own clock. */
  readonly nowMs?: () => number;
  readonly runtime?: Partial<Runtime>;
  /** Findings with which the server is used all the same. Default: none. */
  readonly allow?: readonly AllowableFinding[];
}

const FACTS: BrokerFacts = { kind: 'redis', version: null, role: null, memory: null, persistence: null };
const MIN_MAJOR_VERSION = 7;
/** Longest time for the checks before a broker is ready. Ticks and timers add to it; with them it takes at most 5 s. */
const OPEN_MS = 4_500;
const MAX_SKEW_MS = 2_000;

/** What a server says about itself. */
interface ServerFacts {
  readonly version: string;
  readonly mode: string;
}

async function readServerFacts(client: RedisClient, options: RunOptions): Promise<ServerFacts> {
  const flat = (await client.command(['HELLO'], options)) as unknown[];
  const fact = (name: string): string => {
    const index = flat.findIndex((value, i) => i % 2 === 0 && String(value) === name);
    return index < 0 ? 'unknown' : String(flat[index + 1]);
  };
  return { version: fact('version'), mode: fact('mode') };
}

/** Which URL to use instead, by the mode that the server runs in. */
const URL_HINTS: Readonly<Record<string, string>> = {
  standalone: 'redis:// is for a single server',
  sentinel: 'redis-sentinel://…?master=<name> is for Sentinels',
  cluster: 'redis-cluster:// is for a cluster',
};

/** Refuses a server that is too old, or of another kind than the URL says. */
function checkServer({ name, kind }: RedisTarget, { version, mode }: ServerFacts): void {
  const refuse = (cause: string): never => {
    throw new TaskCenterError('broker-refused', { broker: name, cause });
  };
  if (!(Number.parseInt(version, 10) >= MIN_MAJOR_VERSION)) {
    refuse(`it is Redis ${version}; ${MIN_MAJOR_VERSION}.0 or newer is needed`);
  }
  const expected = kind === 'cluster' ? 'cluster' : 'standalone';
  if (mode !== expected)
    refuse(`it runs in ${mode} mode: ${URL_HINTS[mode] ?? `${expected} mode is needed`}`);
}

/**
 * Warns if this machine's clock differs from that of Redis. Times in Redis are Redis' own, so the difference does our workers
 * no harm. Go processes use the clocks of their machines: with more than 30 s of skew their live tasks look lost.
 */
async function warnOfSkew(client: RedisClient, { clock, log }: Runtime, options: RunOptions): Promise<void> {
  const askedMs = clock.wallMs();
  const [seconds, micros] = (await client.command(['TIME'], options)) as [unknown, unknown];
  const redisMs = Number(seconds) * 1_000 + Number(micros) / 1_000;
  const skewMs = Math.round((askedMs + clock.wallMs()) / 2 - redisMs);
  if (Math.abs(skewMs) < MAX_SKEW_MS) return;
  log.warn(
    { broker: client.name, skew_ms: skewMs },
    'the clock of this machine differs from that of Redis; set both by NTP',
  );
}

/** Checks the server behind the URL and claims the database; resolves when it can be used. */
async function checkAndClaim(client: RedisClient, target: RedisTarget, runtime: Runtime): Promise<void> {
  const deadlineMs = runtime.clock.monotonicMs() + OPEN_MS;
  const left = (): RunOptions => ({ timeoutMs: deadlineMs - runtime.clock.monotonicMs() });
  checkServer(target, await readServerFacts(client, left()));
  await claimDatabase(client, runtime.newId(), left());
  await warnOfSkew(client, runtime, left());
}

/**
 * Connects to Redis or Valkey; resolves to a broker that is ready to use.
 *
 * @throws TaskCenterError `invalid-value` (the URL), `broker-unavailable` (after at most 5 s), `broker-refused`,
 *   `broker-unsafe`, `schema-too-new`
 */
export async function connectRedis(options: RedisBrokerOptions): Promise<Broker> {
  const { url, nowMs } = options;
  const target = parseRedisUrl(url, options.redis);
  const runtime = createRuntime(options.runtime);
  const topology = createTopology(target, runtime);
  const client = new RedisClient({ target, topology, runtime, ...(nowMs && { nowMs }) });
  const { allow = [] } = options;
  const findings = new FindingWatch({ broker: client.name, runtime, allow, checks: [], facts: () => FACTS });
  try {
    await findings.start();
    await checkAndClaim(client, target, runtime);
  } catch (error) {
    await client.close();
    topology.close();
    throw error;
  }
  const receipts = createReceipts(randomBytes(12).toString('base64url'));
  const deps = { client, receipts, runtime, target, topology };
  const signals = createSignals(deps);
  const durabilities = createDurabilities(deps);
  // Tests that set the time also renew leases themselves.
  const leaseRenewal = nowMs ? null : createLeaseRenewerThread(target, runtime);
  return {
    name: client.name,
    submit: findings.guard(createSubmit(deps, durabilities)),
    consume: createConsume(deps),
    leaseRenewal,
    maintain: createMaintain(deps),
    check: createCheck(deps),
    control: createControl(deps),
    groups: createGroups(deps),
    inspect: createInspect(deps),
    presence: createPresence(deps),
    schedulerEntries: createSchedulerEntries(deps),
    documents: createDocuments(deps),
    semaphores: createSemaphores(deps),
    signals,
    findings,
    cluster: createClusterView(deps),
    backup: null,
    ping: () => client.ping(),
    async close() {
      findings.close();
      signals.close();
      await Promise.all([client.close(), durabilities.close(), leaseRenewal?.close()]);
      topology.close();
    },
  };
}
