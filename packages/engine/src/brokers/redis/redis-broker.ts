import { randomBytes } from 'node:crypto';
import { TaskCenterError } from '../../errors/task-center-error.ts';
import type { Broker } from '../../broker/broker.ts';
import type { AllowableFinding } from '../../broker/findings.ts';
import { FindingWatch } from '../../findings/finding-watch.ts';
import { observedBroker } from '../../observe/broker-calls.ts';
import { Lifetime } from '../../runtime/lifetime.ts';
import { createRuntime, type Runtime } from '../../runtime/runtime.ts';
import { RedisClient, type RunOptions } from './client/redis-client.ts';
import { createServerCheck } from './checks/server-check.ts';
import { createTlsCheck } from './checks/tls-check.ts';
import { createReach } from './checks/writable.ts';
import { readCursorKey } from './cursor-key.ts';
import { createCheck } from './facets/check.ts';
import { createClaims } from './facets/claims.ts';
import { createClusterView } from './facets/cluster.ts';
import { createConsume } from './facets/consume.ts';
import { createControl } from './facets/control.ts';
import { createDurabilities } from './calls/durability.ts';
import { createDocuments } from './facets/documents.ts';
import { createGroups } from './facets/groups.ts';
import { createHistory } from './facets/history.ts';
import { createInspect } from './facets/inspect.ts';
import { createMaintain } from './facets/maintain.ts';
import { createPresence } from './facets/presence.ts';
import { createSemaphores } from './facets/semaphores.ts';
import { createScheduleView } from './facets/schedule-view.ts';
import { createScheduleFacet } from './facets/schedules.ts';
import { createSchedulerEntries } from './facets/scheduler-entries.ts';
import { createSignals } from './facets/signals.ts';
import { createSubmit } from './facets/submit.ts';
import type { RedisDeps } from './deps.ts';
import { claimDatabase } from './schema-version.ts';
import { createRegistration } from './calls/registration.ts';
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

const MIN_MAJOR_VERSION = 7;
/** Longest time for the checks before a broker is ready. Ticks and timers add to it; with them it takes at most 5 s. */
const OPEN_MS = 4_500;
/** Longest time for a look at the servers later on. */
const LOOK_MS = 2_000;
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

interface Opening {
  readonly client: RedisClient;
  readonly target: RedisTarget;
  readonly runtime: Runtime;
  readonly findings: FindingWatch;
  /** Time left of `OPEN_MS`. */
  left(): RunOptions;
}

/** Checks the server behind the URL and claims the database; resolves when it can be used. */
async function checkAndClaim({ client, target, runtime, findings, left }: Opening): Promise<void> {
  checkServer(target, await readServerFacts(client, left()));
  await findings.start();
  // The operator accepts a server that takes no writes.
  const isReadOnly = findings.current().some(({ code }) => code === 'replica' || code === 'read_only');
  if (!isReadOnly) await claimDatabase(client, runtime.newId(), left());
  await warnOfSkew(client, runtime, left());
}

/** Watches what the servers say about themselves. `timeLeft`: of a look. */
function watchServers(
  { allow = [] }: RedisBrokerOptions,
  deps: Omit<Opening, 'findings' | 'left'>,
  timeLeft: () => RunOptions,
): FindingWatch {
  const { client, runtime } = deps;
  const { tls } = deps.target;
  const check = createServerCheck({ ...deps, timeLeft });
  const checks = tls === null ? [check] : [check, createTlsCheck(tls, runtime.clock)];
  return new FindingWatch({ broker: client.name, runtime, allow, checks, facts: check.facts });
}

/** Connects to the servers, checks them and claims the database. A failed attempt leaves nothing behind. */
async function openServers(
  options: RedisBrokerOptions,
): Promise<RedisDeps & { readonly findings: FindingWatch }> {
  const { url, nowMs } = options;
  const target = parseRedisUrl(url, options.redis);
  const runtime = createRuntime(options.runtime);
  const topology = createTopology(target, runtime);
  const onHint = () => findings.hint();
  const client = new RedisClient({ target, topology, runtime, onHint, ...(nowMs && { nowMs }) });
  const deadlineMs = runtime.clock.monotonicMs() + OPEN_MS;
  const left = (): RunOptions => ({ timeoutMs: deadlineMs - runtime.clock.monotonicMs() });
  let timeLeft = left;
  const findings = watchServers(options, { client, target, runtime }, () => timeLeft());
  try {
    await checkAndClaim({ client, target, runtime, findings, left });
    timeLeft = () => ({ timeoutMs: LOOK_MS });
  } catch (error) {
    findings.close();
    await client.close();
    topology.close();
    throw error;
  }
  const receipts = createReceipts(randomBytes(12).toString('base64url'));
  const registration = createRegistration(client, runtime.clock);
  return { client, receipts, registration, runtime, target, topology, findings };
}

/**
 * Connects to Redis or Valkey; resolves to a broker that is ready to use.
 *
 * @throws TaskCenterError `invalid-value` (the URL), `broker-unavailable` (after at most 5 s), `broker-refused`,
 *   `broker-unsafe`, `schema-too-new`
 */
export async function connectRedis(options: RedisBrokerOptions): Promise<Broker> {
  const { findings, ...deps } = await openServers(options);
  const { client, runtime, target, topology } = deps;
  const signals = createSignals(deps);
  const durabilities = createDurabilities(deps);
  const schedulerEntries = createSchedulerEntries(deps);
  // Tests that set the time also renew leases themselves.
  const leaseRenewal = options.nowMs ? null : createLeaseRenewerThread(target, runtime);
  const lifetime = new Lifetime(client.name, runtime.log);
  const end = {
    isIdle: () => client.isIdle && durabilities.isIdle(),
    isOutOfReach: () => client.isOutOfReach,
    async close() {
      findings.close();
      signals.close();
      await Promise.all([client.close(), durabilities.close(), leaseRenewal?.close()]);
      topology.close();
    },
  };
  const broker: Broker = {
    name: client.name,
    log: runtime.log,
    runtime: { events: runtime.events },
    submit: findings.guard(createSubmit(deps, durabilities)),
    consume: createConsume(deps),
    leaseRenewal,
    maintain: createMaintain(deps),
    check: createCheck(deps),
    control: createControl(deps),
    groups: createGroups(deps),
    inspect: createInspect(deps),
    presence: createPresence(deps),
    schedules: createScheduleFacet(deps, signals),
    schedulerEntries,
    scheduleView: createScheduleView(deps, schedulerEntries),
    documents: createDocuments(deps),
    semaphores: createSemaphores(deps),
    claims: createClaims(deps),
    history: createHistory(deps),
    signals,
    findings,
    lifetime,
    cluster: createClusterView(deps),
    backup: null,
    cursorKey: () => readCursorKey(client),
    ...createReach(client),
    close: () => lifetime.end(end),
  };
  return observedBroker(broker, runtime);
}
