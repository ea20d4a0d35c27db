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
import { listen, type Listening } from './http/listen.ts';
import { LiveRules } from './http/live-rules.ts';
import { ServiceState } from './http/service-state.ts';
import { createLog } from './observe/logs.ts';
import { createMaintenanceRole, type Maintenance } from './maintenance.ts';
import { VERSION } from './version.ts';

/** A running service. */
export interface RunningService {
  /** Where HTTP answers; empty without the role `api`. */
  readonly url: string;
  readonly config: Config;
  readonly firstKey: FirstKey;
  /** Takes no more work, lets what runs end, gives back the rest, closes the broker. May be called twice. */
  stop(): Promise<void>;
}

export interface ServeDeps {
  /** Default: JSON lines to stdout. */
  readonly log?: Log;
  /** Clock, chance and events, for tests and for who listens. */
  readonly runtime?: Partial<Omit<Runtime, 'log'>>;
  /** Whether this process may kill itself when it hangs, as somebody starts it again. Default false. */
  readonly failStop?: boolean;
  /** Called when the broker can do nothing more until this process is started again. */
  readonly onBroken?: (cause: string) => void;
  /** Called when everything runs. */
  readonly onReady?: (service: RunningService) => void;
}

/** What has been started so far, in the order in which it is stopped. */
interface Running {
  http?: Listening;
  scheduler?: Maintenance;
  worker?: CallbackWorker;
  broker?: Broker;
}

async function stopAll({ http, scheduler, worker, broker }: Running): Promise<void> {
  await http?.close();
  await scheduler?.stop();
  await worker?.stop();
  await broker?.close();
}

function makeDataDir({ dataDir }: Config): void {
  try {
    makeFolder(dataDir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOTDIR' || code === 'EEXIST' ? 'a part of its path is a file' : code;
    throw new ConfigError(
      `The data folder ${dataDir} cannot be made: ${why}. Set data_dir (TASKCENTER_DATA_DIR).`,
      [],
      {
        cause: error,
      },
    );
  }
}

interface Base {
  readonly config: Config;
  readonly failStop: boolean;
  readonly runtime: Runtime;
  readonly rules: LiveRules;
  readonly state: ServiceState;
}

async function startHttp({ config, runtime, rules, state }: Base, broker: Broker, worker?: CallbackWorker) {
  const app = createApp({
    broker,
    client: new Client(broker, { runtime }),
    config,
    runtime,
    authenticate: createAuthenticate(broker, runtime.clock),
    rules,
    state,
    version: VERSION,
    noteQueue: (name) => worker?.noteQueue(name),
  });
  return listen((request) => app.fetch(request), config.http, runtime);
}

function workerOf({ config, failStop, runtime, rules }: Base, broker: Broker): CallbackWorker | undefined {
  if (!config.roles.includes('worker')) return undefined;
  const stalls = { maxStallMs: config.worker.maxStallMs, failStop };
  return createCallbackWorker({ broker, config: { callbacks: rules }, stalls, log: runtime.log, runtime });
}

/** Starts what the roles ask for: what may fail for the machine's sake comes first. */
async function startAll(base: Base, running: Running): Promise<FirstKey> {
  const { config, runtime } = base;
  makeDataDir(config);
  const broker = (running.broker = await connect(config.broker, { runtime }));
  const firstKey = await claimFirstKey(broker, config.keyFile, runtime.clock.wallMs());
  const worker = workerOf(base, broker);
  if (config.roles.includes('api')) running.http = await startHttp(base, broker, worker);
  if (worker !== undefined) {
    running.worker = worker;
    await worker.start();
  } else if (config.roles.includes('scheduler')) {
    running.scheduler = createMaintenanceRole({ broker, runtime });
    running.scheduler.start();
  }
  return firstKey;
}

/**
 * Runs the service.
 *
 * @throws ConfigError port, folder or key file cannot be used; TaskCenterError the broker cannot be. Whatever was
 *   started before is stopped again.
 */
export async function serve(config: Config, deps: ServeDeps = {}): Promise<RunningService> {
  const log = deps.log ?? createLog(config, VERSION);
  const runtime = createRuntime({ ...deps.runtime, log });
  const base = {
    config,
    failStop: deps.failStop ?? false,
    runtime,
    rules: new LiveRules(config.callbacks, log),
    state: new ServiceState(),
  };
  runtime.events.on('broker.broken', ({ cause }) => deps.onBroken?.(cause));
  const running: Running = {};
  let firstKey: FirstKey;
  try {
    firstKey = await startAll(base, running);
  } catch (error) {
    await stopAll(running).catch(() => {});
    throw error;
  }
  base.state.ready();
  const { url = '' } = running.http ?? {};
  const { roles, callbacks } = config;
  const { pid } = process;
  log.info({ pid, url, broker: running.broker?.name, roles, mode: callbacks.mode }, 'the service runs');
  let stopped: Promise<void> | undefined;
  const stop = async () => {
    base.state.stopping();
    log.info({}, 'the service stops');
    await stopAll(running);
  };
  const service = { url, config, firstKey, stop: () => (stopped ??= stop()) };
  deps.onReady?.(service);
  return service;
}
