// `serve`: runs the service in this process until it is told to stop. The process is a child of `supervise`, which
// starts it again when it fails.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Config, RunningService } from '@task-center/server';
import type { Command } from 'commander';
import { addConfigOption, readConfig, readConfigAgain, type Flags } from '../config.ts';
import { CliError } from '../errors.ts';
import type { Io, ServiceProcess } from '../io.ts';
import { pairs, painter } from '../output.ts';
import { DEFAULT_KEY_FILE, DEFAULT_URL } from '../service.ts';
import { EXIT_INTERRUPTED } from '../signals.ts';
import { createStopRequests } from '../stop-requests.ts';

/** The flags. They are texts: the server's schema parses them, as it does file and environment. */
interface ServeOptions {
  /** The configuration file. All other flags override it. */
  readonly config?: string;
  readonly broker?: string;
  /** Findings about the broker with which the service starts all the same. */
  readonly brokerAllow?: string;
  readonly port?: string;
  readonly host?: string;
  readonly dataDir?: string;
  readonly roles?: string;
  /** `worker.concurrency`: the service itself runs no handlers. */
  readonly concurrency?: string;
  /** Most callbacks that this process delivers at the same time. */
  readonly callbackConcurrency?: string;
  /** Base URL of the links that the service gives to others. */
  readonly publicUrl?: string;
  /** File of the first API key. The first start on a broker writes it. */
  readonly keyFile?: string;
  readonly logLevel?: string;
}

/** Time to give tasks back before the process ends, ms. */
const GIVE_BACK_MS = 900;
/** Any code but 0 makes the parent start the service again. */
const EXIT_BROKEN = 1;

/** The flags that were given, by the keys of the configuration. */
function flagsOf(options: ServeOptions): Flags {
  return {
    broker: options.broker,
    broker_allow: options.brokerAllow,
    'http.port': options.port,
    'http.host': options.host,
    data_dir: options.dataDir,
    roles: options.roles,
    'worker.concurrency': options.concurrency,
    'callbacks.concurrency': options.callbackConcurrency,
    public_url: options.publicUrl,
    key_file: options.keyFile,
    'log.level': options.logLevel,
  };
}

/** A broker URL as the banner shows it: a password is replaced, because terminals are copied and recorded. */
const withoutPassword = (url: string) => url.replace(/(:\/\/[^:@/]*):.*@/, '$1:***@');

/** Where the first API key is; null = this process needs none. */
function keyText({ firstKey }: RunningService, io: Io): string | null {
  if (firstKey === null) return null;
  const { path, foreignPath } = firstKey;
  if (path === null)
    return (
      'made before by another instance, which has its file. If it is lost: task-center keys create --local' +
      (foreignPath === undefined ? '' : `. ${foreignPath} holds the key of another installation`)
    );
  if (!firstKey.created) return path;
  // Printed only to a terminal, never into a log.
  const shown = io.errIsTerminal && firstKey.key !== undefined ? `: ${firstKey.key}` : '';
  return `${path} (new${shown})`;
}

/** Commands to try next, with the flags they need to reach this service. */
function nextStepsText({ url, config: { keyFile } }: RunningService): string {
  const flags =
    (url === DEFAULT_URL ? '' : ` --url ${url}`) +
    (keyFile === DEFAULT_KEY_FILE ? '' : ` --key-file ${keyFile}`);
  return `In another terminal:
  npx task-center receive --fail 2
and in a third one:
  npx task-center enqueue --id hello --callback-url http://127.0.0.1:9000/ --delay 3s --payload '{"order":1}'${flags}
  npx task-center tasks show hello${flags}`;
}

/** Where callbacks may go. */
function modeText({ callbacks }: Config): string {
  return callbacks.mode === 'try'
    ? 'to any address: nothing is configured yet, and only this machine can reach this service'
    : `only to addresses in callbacks.allow (${callbacks.allow.length} entries)`;
}

/** What a start prints: the facts of this service, and what to do next. */
function banner(service: RunningService, io: Io): string {
  const { config, url } = service;
  const paint = painter(io.colours.err);
  const api = config.roles.includes('api');
  const title = api ? `Task Center runs on ${url}` : 'Task Center runs, without the HTTP API';
  const facts = pairs([
    ['broker', withoutPassword(config.broker)],
    ['roles', config.roles.join(', ')],
    ['callbacks', modeText(config)],
    ['API key', keyText(service, io)],
    ['health', service.healthUrl === '' ? null : `${service.healthUrl}/readyz`],
  ]);
  return [
    paint('bold', title),
    facts,
    ...(api ? ['', nextStepsText(service)] : []),
    '',
    'Ctrl-C drains and stops it.',
  ].join('\n');
}

/**
 * Gives back what runs, and ends the process within a second: else its callbacks would wait for their leases to expire, and
 * count a loss.
 */
async function endNow(service: RunningService, io: Io): Promise<void> {
  await Promise.race([service.giveBack(), sleep(GIVE_BACK_MS)]).catch(() => {});
  io.exit(EXIT_INTERRUPTED);
}

/** Starts the service. A broken database ends the process, which is then started again. */
async function start(config: Config, io: Io, { log }: ServiceProcess): Promise<RunningService> {
  const { createLog, serve } = await import('@task-center/server');
  return serve(config, {
    log: createLog(config, log),
    failStop: true,
    environment: io.env,
    onBroken(cause) {
      io.err(`The database can no longer be used (${cause}): this process ends and is started again.`);
      io.exit(EXIT_BROKEN);
    },
  });
}

/** Runs the service until it is asked to stop. A request that comes while it starts waits until it has started. */
async function serveUntilAsked(options: ServeOptions, io: Io): Promise<void> {
  const { service: ownProcess } = io;
  if (ownProcess === null)
    throw new CliError('Write serve directly after task-center: task-center serve …', 2);
  const { parent } = ownProcess;
  const flags = flagsOf(options);
  let service: RunningService | undefined;
  let askToStop = () => {};
  const asked = new Promise<void>((resolve) => (askToStop = resolve));
  createStopRequests(io, ownProcess, {
    onStop() {
      parent.tell({ is: 'stopping', graceMs: service?.shutdown.timeoutMs ?? null });
      askToStop();
    },
    onEnd: () => void (service ? endNow(service, io) : io.exit(EXIT_INTERRUPTED)),
    onReload: () => void service?.reload(() => readConfigAgain(options.config, flags, io)),
  });
  service = await start(await readConfig(options.config, flags, io), io, ownProcess);
  parent.tell({ is: 'ready', graceMs: service.shutdown.timeoutMs });
  io.err(banner(service, io));
  await asked;
  await service.stop();
  io.err('Stopped.');
}

const EXAMPLE = `
Each key of the configuration can also be set by a variable, such as TASKCENTER_HTTP_PORT; see etc/taskcenter.yaml.

Example:
  task-center serve --broker redis://127.0.0.1:6379 --port 8080`;

/** Adds `serve`. Its flags have no defaults here: the server's configuration has them, and the help names them in brackets. */
export function addServe(program: Command, io: Io): void {
  const command = program
    .command('serve')
    .description('run the service: HTTP API, callbacks, schedules, due tasks and recovery');
  addConfigOption(command)
    .option(
      '--broker <url>',
      'sqlite:<path>, redis://host:port, redis-sentinel://… or redis-cluster://… (sqlite:<data>/tasks.db)',
    )
    .option(
      '--broker-allow <findings>',
      'findings about the broker to accept, such as eviction,rights (none)',
    )
    .option('--port <port>', 'port of the HTTP API (7420)')
    .option('--host <address>', 'address that the HTTP API listens on (127.0.0.1)')
    .option('--data-dir <path>', 'folder for the SQLite file and the first key (./data)')
    .option('--roles <roles>', 'what this process does: a list of api, worker and scheduler (all of them)')
    .option('--concurrency <count>', 'handlers that a worker runs at once; the service runs none (10)')
    .option('--callback-concurrency <count>', 'callbacks that run at once (256)')
    .option('--public-url <url>', 'base URL of links that others use (none)')
    .option('--key-file <path>', 'file of the first API key (<data>/admin.key)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (info)')
    .addHelpText('after', EXAMPLE)
    .action((options: ServeOptions) => serveUntilAsked(options, io));
}
