/**
 * Starts and stops the service: opens the broker, claims the first key, then starts what the configured roles need.
 * Wiring only; each part lies in its own folder.
 */
import {
  Client,
  connect,
  createRuntime,
  makeFolder,
  type Broker,
  type Log,
  type Runtime,
} from '@task-center/engine';
import { createAuthenticate } from './auth/authenticate.ts';
import { claimFirstKey, type FirstKey } from './auth/first-key.ts';
import { createCallbackWorker, type CallbackWorker } from './callbacks/callback-worker.ts';
import { ConfigError, type Config } from './config/config.ts';
import { createApp } from './http/app.ts';
import { ServiceState } from './http/deps.ts';
import { listen, type ListeningServer } from './http/listen.ts';
import { LiveRules } from './http/live-rules.ts';
import { QueueLimit } from './http/submission/queue-limit.ts';
import { createLog } from './observe/logs.ts';
import { createMaintenanceRole, type MaintenanceRole } from './maintenance.ts';
import { VERSION } from './version.ts';

/** A running service. */
export interface RunningService {
  /** Base URL of the HTTP API; empty without the role `api`. */
  readonly url: string;
  readonly config: Config;
  readonly firstKey: FirstKey;
  /**
   * Takes no more work, lets running work end, gives back what does not end in time and closes the broker.
   * Idempotent: later calls return the same promise.
   */
  stop(): Promise<void>;
  /** Gives back at once what runs, for a process that ends next. */
  giveBack(): Promise<void>;
}

export interface ServeDeps {
  /** Default: JSON lines to stdout. */
  readonly log?: Log;
  /** Clock, random source, IDs and events. Default: the system's. */
  readonly runtime?: Partial<Omit<Runtime, 'log'>>;
  /**
   * Whether this process may kill itself when it hangs. Set it only where a supervisor restarts it. Default false.
   */
  readonly failStop?: boolean;
  /** Called when the broker cannot recover until this process is restarted. */
  readonly onBroken?: (cause: string) => void;
  /** Called once, when everything is running. */
  readonly onReady?: (service: RunningService) => void;
}

/** What is stopped in the end. */
interface Stoppable {
  readonly http?: ListeningServer;
  readonly scheduler?: MaintenanceRole;
  readonly worker?: CallbackWorker;
  readonly broker?: Pick<Broker, 'close'>;
}

/** What has been started so far. */
interface Started {
  http?: ListeningServer;
  scheduler?: MaintenanceRole;
  worker?: CallbackWorker;
  broker?: Broker;
}

/** Stops what was started. */
export async function stopAll({ http, scheduler, worker, broker }: Stoppable): Promise<void> {
  // Together: a slow request must not use up the time that the callbacks have, before a supervisor kills the process.
  await Promise.all([http?.close(), scheduler?.stop(), worker?.stop()]);
  await broker?.close();
}

function makeDataDir({ dataDir }: Config): void {
  try {
    makeFolder(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOTDIR' || code === 'EEXIST' ? 'part of its path is a file' : code;
    throw new ConfigError(
      `The data folder ${dataDir} cannot be created: ${why}. Set data_dir (TASKCENTER_DATA_DIR).`,
      [],
      {
        cause: error,
      },
    );
  }
}

/** What all parts of the service share. */
interface Shared {
  readonly config: Config;
  readonly failStop: boolean;
  readonly runtime: Runtime;
  readonly rules: LiveRules;
  readonly state: ServiceState;
}

async function startHttp({ config, runtime, rules, state }: Shared, broker: Broker, worker?: CallbackWorker) {
  const app = createApp({
    broker,
    client: new Client(broker, { runtime }),
    config,
    runtime,
    authenticate: createAuthenticate(broker, runtime.clock),
    rules,
    state,
    queueLimit: new QueueLimit({ broker, clock: runtime.clock, maxQueues: config.limits.queues }),
    version: VERSION,
    addCallbackQueue: (name) => worker?.addQueue(name),
  });
  return listen((request) => app.fetch(request), config.http, runtime);
}

function createWorker(
  { config, failStop, runtime, rules }: Shared,
  broker: Broker,
): CallbackWorker | undefined {
  if (!config.roles.includes('worker')) return undefined;
  const stalls = { maxStallMs: config.worker.maxStallMs, failStop };
  return createCallbackWorker({ broker, config: { callbacks: rules }, stalls, log: runtime.log, runtime });
}

/** Starts what the roles need. Whatever may fail because of the machine (folder, broker, port) comes first. */
async function startAll(shared: Shared, started: Started): Promise<FirstKey> {
  const { config, runtime } = shared;
  makeDataDir(config);
  const broker = (started.broker = await connect(config.broker, { runtime, allow: config.brokerAllow }));
  const firstKey = await claimFirstKey(broker, config.keyFile, runtime.clock.wallMs());
  const worker = createWorker(shared, broker);
  if (config.roles.includes('api')) started.http = await startHttp(shared, broker, worker);
  if (worker !== undefined) {
    started.worker = worker;
    await worker.start();
  } else if (config.roles.includes('scheduler')) {
    started.scheduler = createMaintenanceRole({ broker, runtime });
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
  const log = deps.log ?? createLog(config, VERSION);
  const runtime = createRuntime({ ...deps.runtime, log });
  const shared = {
    config,
    failStop: deps.failStop ?? false,
    runtime,
    rules: new LiveRules(config.callbacks, log),
    state: new ServiceState(),
  };
  runtime.events.on('broker.broken', ({ cause }) => deps.onBroken?.(cause));
  const started: Started = {};
  let firstKey: FirstKey;
  try {
    firstKey = await startAll(shared, started);
  } catch (error) {
    await stopAll(started).catch(() => {});
    throw error;
  }
  shared.state.markReady();
  const { url = '' } = started.http ?? {};
  const { roles, callbacks } = config;
  const { pid } = process;
  log.info({ pid, url, broker: started.broker?.name, roles, mode: callbacks.mode }, 'the service is running');
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    shared.state.markStopping();
    log.info({}, 'the service is stopping');
    await stopAll(started);
  };
  const service = {
    url,
    config,
    firstKey,
    stop: () => (stopped ??= stop()),
    giveBack: async () => started.worker?.giveBack(),
  };
  deps.onReady?.(service);
  return service;
}
