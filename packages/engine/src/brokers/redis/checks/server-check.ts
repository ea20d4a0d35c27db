// Looks at the servers behind a Redis URL: whether they can keep what was acknowledged, and whether this user may do all that
// its program needs. docs/redis.md tells users what is found; ADR 18 says why it is done this way.
import type { BrokerFacts } from '../../../broker/findings.ts';
import { isTaskCenterError } from '../../../errors/task-center-error.ts';
import type { FindingCheck, Found } from '../../../findings/finding-watch.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { RedisClient, RunOptions } from '../client/redis-client.ts';
import type { RedisTarget } from '../client/url.ts';
import { askRights, missingRights, NEEDED_RIGHTS } from './rights.ts';
import {
  findingsOf,
  loginFinding,
  readOnlyFinding,
  rightsFinding,
  type ServerRefusal,
  type WatchedServer,
} from './server-findings.ts';
import { factsOf, readServerReport, type ServerReport } from './server-report.ts';

export interface ServerCheckDeps {
  readonly client: RedisClient;
  readonly target: RedisTarget;
  readonly runtime: Runtime;
  /** Time left for a look; read at its start. */
  timeLeft(): RunOptions;
}

/** Checks the servers of a broker: all masters of a cluster. */
export interface ServerCheck extends FindingCheck {
  facts(): BrokerFacts;
}

const LOOK_INTERVAL_MS = 60_000;
/** A server that refuses writes is not asked longer than this: the client would ask again and again. */
const PROBE_MS = 800;
/** Errors of a server that takes no writes now. Its other errors, such as LOADING, pass without anybody's help. */
const REFUSES_WRITES = /^(?:MISCONF|NOREPLICAS|READONLY) /;

const LOGIN_REFUSED = /^(?:WRONGPASS|NOAUTH) /;

/** What a probe has found, and why; null = nothing is wrong. */
type Probed = { readonly finding: (refusal: ServerRefusal) => Found; readonly cause: string } | null;

/** Keys that a server has removed for want of memory since it was seen first. */
interface Evictions {
  readonly runId: string;
  /** The server's own counter. It begins anew when the server restarts, or is reset. */
  readonly counter: number;
  readonly total: number;
  /** Those of them that were removed until the policy was last seen to spare keys without an expiry, as tasks are. */
  readonly spared: number;
}

class EvictionCounter {
  readonly #seen = new Map<string, Evictions>();

  count(node: string, { runId, evictedKeys: counter, policy }: ServerReport): Evictions {
    const before = this.#seen.get(node) ?? { runId, counter, total: 0, spared: 0 };
    const isContinued = before.runId === runId && counter >= before.counter;
    const total = before.total + counter - (isContinued ? before.counter : 0);
    const spared = policy?.startsWith('allkeys') ? before.spared : total;
    const evictions = { runId, counter, total, spared };
    this.#seen.set(node, evictions);
    return evictions;
  }
}

/**
 * Has a server say which rights the user lacks, and whether it takes writes: one call shows both, as the script claims to
 * write.
 */
async function probe({ client, target }: ServerCheckDeps, node: string, left: RunOptions): Promise<Probed> {
  const timeoutMs = Math.min(PROBE_MS, left.timeoutMs ?? PROBE_MS);
  try {
    const missing = missingRights(await client.on(node).run(askRights, NEEDED_RIGHTS, { timeoutMs }));
    return missing.length === 0 ? null : { finding: rightsFinding, cause: missing.join('; ') };
  } catch (error) {
    if (isTaskCenterError(error, 'broker-refused')) {
      const { cause } = error.details;
      return { finding: LOGIN_REFUSED.test(cause) ? loginFinding : rightsFinding, cause };
    }
    if (!isTaskCenterError(error, 'broker-unavailable')) throw error;
    const { cause } = error.details;
    // Where another server can take over, the client finds it.
    const passes = target.kind !== 'single' && cause.startsWith('READONLY');
    return REFUSES_WRITES.test(cause) && !passes ? { finding: readOnlyFinding, cause } : null;
  }
}

/** What was seen of one server. */
interface Look {
  readonly server: WatchedServer;
  readonly probed: Probed;
}

function foundAt({ server, probed }: Look, user: string, nowMs: number): Found[] {
  const found = findingsOf(server, nowMs);
  // That a replica takes no writes is told already.
  const isKnown = probed?.finding === readOnlyFinding && found.some(({ code }) => code === 'replica');
  if (probed && !isKnown) found.push(probed.finding({ where: server.where, user, cause: probed.cause }));
  return found;
}

/** Looks at the servers' role, memory policy and persistence, at whether they take writes, and at the user's rights. */
export function createServerCheck(deps: ServerCheckDeps): ServerCheck {
  const { client, target, runtime, timeLeft } = deps;
  const evictions = new EvictionCounter();
  const user = target.username ?? 'default';
  let facts = factsOf([], 0);

  async function lookAt(node: string, where: string): Promise<Look> {
    const left = timeLeft();
    const askedMs = runtime.clock.wallMs();
    const [report, probed] = await Promise.all([
      readServerReport(client.on(node), left),
      probe(deps, node, left),
    ]);
    if (report.wallMs !== null) {
      // The server has answered at some time between the two.
      const skewMs = Math.round((askedMs + runtime.clock.wallMs()) / 2 - report.wallMs);
      runtime.events.emit('clock.compared', { broker: client.name, server: node, skewMs });
    }
    const { total, spared } = evictions.count(node, report);
    return { server: { where, report, evicted: total, lost: total - spared }, probed };
  }

  return {
    name: 'server',
    // Each look takes four commands per server.
    everyMs: LOOK_INTERVAL_MS,
    facts: () => facts,
    async look() {
      const nodes = await client.nodes(timeLeft());
      const all = nodes.map((node) => lookAt(node, nodes.length === 1 ? '' : ` ${node}`));
      const settled = await Promise.allSettled(all);
      const looks = settled.flatMap((look) => (look.status === 'fulfilled' ? [look.value] : []));
      // A master of a cluster that does not answer hides nothing of the others.
      if (looks.length === 0) await Promise.all(all);
      facts = factsOf(
        looks.map(({ server }) => server.report),
        looks.reduce((sum, { server }) => sum + server.evicted, 0),
      );
      return looks.flatMap((look) => foundAt(look, user, runtime.clock.wallMs()));
    },
  };
}
