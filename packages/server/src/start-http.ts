/** Opens the ports of the service: that of the API, and that of health alone. */
import { Client, type Broker, type Metrics, type Runtime } from '@task-center/engine';
import { createAuthenticate } from './auth/authenticate.ts';
import type { CallbackWorker } from './callbacks/callback-worker.ts';
import type { Config } from './config/config.ts';
import { createApp, probeRoutes } from './http/app.ts';
import type { AppDeps, ServiceState } from './http/deps.ts';
import { listen, type ListeningServer } from './http/listen.ts';
import type { LiveRules } from './http/live-rules.ts';
import { createBatchTurns } from './http/memory/budget.ts';
import { QueueLimit } from './http/submission/queue-limit.ts';
import { connectionBound, readFileLimit } from './http/wire/open-files.ts';
import type { Health } from './observe/health.ts';
import type { ServiceMetrics } from './observe/service-metrics.ts';
import type { Shortages } from './observe/shortages.ts';
import { VERSION } from './version.ts';

/** Connections of those who watch the process. They take some of the files that are kept for all else. */
const MAX_PROBE_CONNECTIONS = 32;

export interface HttpParts {
  readonly config: Config;
  readonly runtime: Runtime;
  readonly rules: LiveRules;
  readonly state: ServiceState;
  readonly shortages: Shortages;
  readonly health: Health;
}

/** What is served over HTTP. */
export interface Served {
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly counts: ServiceMetrics;
  readonly worker?: CallbackWorker | undefined;
}

/** The listeners that the configuration asks for. */
export interface Listeners {
  readonly http?: ListeningServer;
  readonly health?: ListeningServer;
}

/** What the handlers are given. Both listeners share it, and with it what is cached. */
function appDeps(parts: HttpParts, { broker, metrics, counts, worker }: Served): AppDeps {
  const { config, runtime } = parts;
  return {
    ...parts,
    broker,
    client: new Client(broker, { runtime }),
    metrics,
    counts,
    authenticate: createAuthenticate(broker, runtime, (reason) => counts.keyRefused(reason)),
    batchTurns: createBatchTurns(runtime.clock),
    queueLimit: new QueueLimit({ broker, clock: runtime.clock, maxQueues: config.limits.queues }),
    version: VERSION,
    addCallbackQueue: (name) => worker?.addQueue(name),
  };
}

/**
 * Opens them one by one.
 *
 * @param started told of each as soon as it is open: if the next one fails, it must be closed
 * @throws ConfigError a port or an address cannot be used
 */
export async function startHttp(
  parts: HttpParts,
  served: Served,
  started: { -readonly [Name in keyof Listeners]: Listeners[Name] },
): Promise<void> {
  const { config, runtime } = parts;
  const deps = appDeps(parts, served);
  if (config.health !== null) {
    const app = createApp(deps, probeRoutes);
    const options = { maxConnections: MAX_PROBE_CONNECTIONS, version: VERSION };
    const address = { ...config.health, ...options, group: 'health' } as const;
    started.health = await listen((request, bindings) => app.fetch(request, bindings), address, runtime);
  }
  if (!config.roles.includes('api')) return;
  const app = createApp(deps);
  const maxConnections = connectionBound(config, readFileLimit(), runtime.log);
  const { host, port } = config.http;
  const address = { host, port, maxConnections, version: VERSION, group: 'http' } as const;
  started.http = await listen((request, bindings) => app.fetch(request, bindings), address, runtime);
}
