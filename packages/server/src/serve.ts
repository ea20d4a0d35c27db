/**
 * Starts and stops the service: opens the broker, claims the first key, then starts what the configured roles need.
 * Wiring only; each part lies in its own folder.
 */
import { dirname } from 'node:path';
import {
  connect,
  createRuntime,
  LoopWatch,
  makeFolder,
  Metrics,
  silentLog,
  systemClock,
  type Broker,
  type LeveledLog,
  type Log,
  type Runtime,
} from '@task-center/engine';
import { claimFirstKey, type FirstKey } from './auth/first-key.ts';
import { createCallbackWorker, type CallbackWorker } from './callbacks/callback-worker.ts';
import { ConfigError, type Config, type ShutdownTimes } from './config/config.ts';
import { ServiceState } from './http/deps.ts';
import { LiveRules } from './http/live-rules.ts';
import { EventLoopWatch } from './observe/event-loop.ts';
import { Health } from './observe/health.ts';
import { describeService, ServiceMetrics } from './observe/service-metrics.ts';
import { Shortages } from './observe/shortages.ts';
import { startTracing, type Environment } from './observe/tracing-sdk.ts';
import { applySchedules } from './config-schedules.ts';
import { createMaintenanceRole } from './maintenance.ts';
import { createLiveConfig } from './reload.ts';
import { startHttp } from './start-http.ts';
import { stopAll, stopInTime, type Stoppable } from './stop.ts';
import { systemFault } from './system-fault.ts';
import { VERSION } from './version.ts';

/** A running service. */
export interface RunningService {
  /** Base URL of the HTTP API; empty without the role `api`. */
  readonly url: string;
  /** Base URL of the listener for health alone; empty = there is none. */
  readonly healthUrl: string;
  readonly config: Config;
  /** Null without the role `api`. */
  readonly firstKey: FirstKey | null;
  /** How long `stop` may take. */
  readonly shutdown: ShutdownTimes;
  /**
   * Takes no more work, lets running work end, gives back what does not end in time and closes the broker: all of it within
   * `shutdown.timeout`. Idempotent: later calls return the same promise.
   *
   * @throws Error when that time was not enough
   */
  stop(): Promise<void>;
  /** Reads the configuration again, and applies what can change while it runs. What is wrong is logged, and changes nothing. */
  reload(read: () => Promise<Config>): Promise<void>;
  /** Gives back at once what runs, for a process that ends next. */
  giveBack(): Promise<void>;
}

export interface ServeDeps {
  /** Default: nothing is logged. With `setLevel` a change of `log.level` takes effect while the service runs. */
  readonly log?: Log & Partial<Pick<LeveledLog, 'setLevel'>>;
  /** Clock, random source, IDs and events. Default: the system's. */
  readonly runtime?: Partial<Omit<Runtime, 'log'>>;
  /**
   * Whether this process may kill itself when it hangs. Set it only where a supervisor restarts it. Default false.
   */
  readonly failStop?: boolean;
  /** The environment: its variables `OTEL_…` say where traces go. Default: an empty one, hence no traces. */
  readonly environment?: Environment;
  /** Called when the broker cannot recover until this process is restarted. */
  readonly onBroken?: (cause: string) => void;
  /** Called once, when everything is running. */
  readonly onReady?: (service: RunningService) => void;
}

/** What has been started so far. */
type Started = { -readonly [Part in keyof Stoppable]: Stoppable[Part] } & { broker?: Broker };

/** A process that keeps nothing there needs no data folder. */
function makeDataDir({ dataDir, roles, broker }: Config): void {
  if (!roles.includes('api') && !broker.startsWith('sqlite:')) return;
  try {
    makeFolder(dataDir);
  } catch (error) {
    const message = `The data folder ${dataDir} cannot be used: ${systemFault(error, dataDir)}. Set data_dir (TASKCENTER_DATA_DIR).`;
    throw new ConfigError(message, [], { cause: error });
  }
}

/** The folder of the broker's file; null = it has none. */
const folderOf = ({ broker }: Config) =>
  broker.startsWith('sqlite:') ? dirname(broker.slice('sqlite:'.length)) : null;

/** What all parts of the service share. */
interface Shared {
  readonly config: Config;
  readonly failStop: boolean;
  readonly runtime: Runtime;
  readonly rules: LiveRules;
  readonly state: ServiceState;
  readonly shortages: Shortages;
  readonly loops: LoopWatch;
  readonly eventLoop: EventLoopWatch;
}

/** The broker, and what counts what is done with it. */
interface Measured {
  readonly broker: Broker;
  readonly metrics: Metrics;
  readonly counts: ServiceMetrics;
}

/** Begins to count. The end of the broker ends it. */
function measure(broker: Broker, { config, runtime }: Shared): Measured {
  const metrics = new Metrics(broker, { runtime });
  const counts = new ServiceMetrics(metrics.registry);
  describeService(metrics.registry, { config, broker, version: VERSION });
  metrics.start();
  return { broker, metrics, counts };
}

function createWorker(
  { config, failStop, runtime, rules }: Shared,
  { broker, counts }: Measured,
): CallbackWorker | undefined {
  if (!config.roles.includes('worker')) return undefined;
  const stalls = { maxStall: config.worker.maxStallMs, failStop };
  const deps = {
    broker,
    config: { callbacks: rules },
    stalls,
    maxHistoryBytes: config.history.maxBytes,
    log: runtime.log,
    runtime,
    counts,
  };
  const worker = createCallbackWorker(deps);
  rules.onChange(() => worker.onRulesChanged());
  return worker;
}

/** Starts what the roles need. Whatever may fail because of the machine (folder, broker, port) comes first. */
async function startAll(shared: Shared, started: Started): Promise<FirstKey | null> {
  const { config, runtime } = shared;
  makeDataDir(config);
  const broker = (started.broker = await connect(config.broker, { runtime, allow: config.brokerAllow }));
  const hasApi = config.roles.includes('api');
  // Callers look for the key beside an instance with the API: no other one makes it (ADR 26).
  const firstKey = hasApi ? await claimFirstKey(broker, config.keyFile, runtime.clock.wallMs()) : null;
  const measured = measure(broker, shared);
  const worker = createWorker(shared, measured);
  const { loops, eventLoop } = shared;
  const health = new Health({ broker, clock: runtime.clock, loops, eventLoop });
  await startHttp({ ...shared, health }, { ...measured, worker }, started);
  if (worker !== undefined) {
    started.worker = worker;
    await worker.start();
  }
  if (config.roles.includes('scheduler')) {
    await applySchedules(broker, shared);
    started.scheduler = createMaintenanceRole({
      broker,
      runtime,
      hasWorker: worker !== undefined,
      maxHistoryBytes: config.history.maxBytes,
    });
    started.scheduler.start();
  }
  return firstKey;
}

/**
 * Runs the service. Resolves when it is ready; if it rejects, everything that was already started has been stopped.
 *
 * @throws ConfigError the port, data folder or key file cannot be used.
 * @throws TaskCenterError the broker cannot be used.
 */
export async function serve(config: Config, deps: ServeDeps = {}): Promise<RunningService> {
  const { log = silentLog, failStop = false, environment = {} } = deps;
  const { clock = systemClock } = deps.runtime ?? {};
  const shortages = new Shortages({ log, clock, folder: folderOf(config) });
  const loops = new LoopWatch();
  const runtime = createRuntime({ ...deps.runtime, loops, log: shortages.log });
  const eventLoop = new EventLoopWatch(clock);
  const rules = new LiveRules(config.callbacks, log);
  const state = new ServiceState();
  const live = createLiveConfig(config, { rules, log, setLogLevel: (level) => deps.log?.setLevel?.(level) });
  runtime.events.on('broker.broken', ({ cause }) => deps.onBroken?.(cause));
  const started: Started = {};
  let firstKey: FirstKey | null;
  const watches = [shortages, eventLoop];
  for (const watch of watches) watch.start();
  const stopWatches = () => watches.forEach((watch) => watch.stop());
  try {
    started.tracing = await startTracing(environment, { log, version: VERSION });
    const shared = { config, failStop, runtime, rules, state, shortages, loops, eventLoop };
    firstKey = await startAll(shared, started);
  } catch (error) {
    stopWatches();
    await stopAll(started, 0).catch(() => {});
    throw error;
  }
  state.markReady();
  const [url, healthUrl] = [started.http?.url ?? '', started.health?.url ?? ''];
  const { roles, callbacks } = config;
  const { pid } = process;
  log.info({ pid, url, broker: started.broker?.name, roles, mode: callbacks.mode }, 'the service is running');
  let stopped: Promise<void> | undefined;
  const stop = () => {
    log.info({}, 'the service is stopping');
    return stopInTime(started, live.shutdown, { state, clock }).finally(stopWatches);
  };
  const service: RunningService = {
    url,
    healthUrl,
    config,
    firstKey,
    get shutdown() {
      return live.shutdown;
    },
    stop: () => (stopped ??= stop()),
    giveBack: async () => started.worker?.giveBack(),
    reload: (read) => live.reload(read),
  };
  deps.onReady?.(service);
  return service;
}
