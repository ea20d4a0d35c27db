import type { Config, RunningService } from '@task-center/server';
import type { Command } from 'commander';
import { readConfig, type Flags } from '../config.ts';
import type { Io } from '../io.ts';
import { pairs, painter } from '../output.ts';
import { DEFAULT_URL } from '../service.ts';

interface ServeOptions {
  readonly config?: string;
  readonly broker?: string;
  readonly port?: string;
  readonly host?: string;
  readonly dataDir?: string;
  readonly roles?: string;
  readonly concurrency?: string;
  readonly callbackConcurrency?: string;
  readonly publicUrl?: string;
  readonly keyFile?: string;
  readonly logLevel?: string;
}

/**
 * Ctrl-C reaches every process of a terminal's group, and npm passes it on besides: what comes so soon after the
 * first signal is the same wish.
 */
const SAME_WISH_MS = 500;
const EXIT_INTERRUPTED = 130;
/** The parent starts it again. */
const EXIT_BROKEN = 1;

function flagsOf(options: ServeOptions): Flags {
  return {
    broker: options.broker,
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

const withoutPassword = (url: string) => url.replace(/(:\/\/[^:@/]*):.*@/, '$1:***@');

function keyText({ firstKey, config }: RunningService, io: Io): string {
  if (firstKey.path === null) return `another instance has it; ${config.keyFile} does not hold it`;
  if (!firstKey.created) return firstKey.path;
  // Printed only where a person reads, never into a log.
  const shown = io.errIsTerminal && firstKey.key !== undefined ? `: ${firstKey.key}` : '';
  return `${firstKey.path} (new${shown})`;
}

/** Where other commands would look for the service and its key without being told. */
const USUAL = { url: DEFAULT_URL, keyFile: './data/admin.key' };

function nextText({ url, config: { keyFile } }: RunningService): string {
  const place =
    (url === USUAL.url ? '' : ` --url ${url}`) + (keyFile === USUAL.keyFile ? '' : ` --key-file ${keyFile}`);
  return `In another terminal:
  npx task-center receive --fail 2
and in a third one:
  npx task-center enqueue --id hello --callback-url http://127.0.0.1:9000/ --delay 3s --payload '{"order":1}'${place}
  npx task-center tasks show hello${place}`;
}

function modeText({ callbacks }: Config): string {
  return callbacks.mode === 'try'
    ? 'to any address: nothing is configured yet, and only this machine can reach this service'
    : `only where callbacks.allow says (${callbacks.allow.length} entries)`;
}

function banner(service: RunningService, io: Io): string {
  const { config, url } = service;
  const paint = painter(io.colours.err);
  const api = config.roles.includes('api');
  const head = api ? `Task Center runs on ${url}` : 'Task Center runs, without HTTP';
  const facts = pairs([
    ['broker', withoutPassword(config.broker)],
    ['roles', config.roles.join(', ')],
    ['callbacks', modeText(config)],
    ['API key', keyText(service, io)],
  ]);
  return [
    paint('bold', head),
    facts,
    ...(api ? ['', nextText(service)] : []),
    '',
    'Ctrl-C drains and ends it.',
  ].join('\n');
}

/** Resolves when the service has stopped in order; a second signal ends the process at once. */
function untilStopped(service: RunningService, io: Io): Promise<void> {
  let askedMs: number | undefined;
  return new Promise((resolve, reject) => {
    const stop = (words: string) => {
      askedMs = performance.now();
      io.err(words);
      service.stop().then(resolve, reject).finally(off);
    };
    const off = io.onSignal(() => {
      if (askedMs === undefined) stop('Stopping: what runs may end first. Ctrl-C again ends it at once.');
      else if (performance.now() - askedMs > SAME_WISH_MS) io.exit(EXIT_INTERRUPTED);
    });
    io.parent?.onGone(() => {
      if (askedMs === undefined) stop('Stopping: the process that watches over this one has ended.');
    });
  });
}

async function start(options: ServeOptions, io: Io): Promise<void> {
  const config = await readConfig(options.config, flagsOf(options), io);
  const { serve } = await import('@task-center/server');
  const service = await serve(config, {
    failStop: io.parent !== null,
    onBroken(cause) {
      if (io.parent === null) return;
      io.err(`The database can no longer be used (${cause}): this process ends.`);
      io.exit(EXIT_BROKEN);
    },
  });
  const stopped = untilStopped(service, io);
  io.parent?.ready();
  io.err(banner(service, io));
  await stopped;
  io.err('Stopped.');
}

const EXAMPLE = `
Every key of the configuration has a variable too, such as TASKCENTER_HTTP_PORT; see etc/taskcenter.yaml.

Example:
  task-center serve --broker redis://127.0.0.1:6379 --port 8080`;

export function addServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description('run the service: HTTP, callbacks, schedule')
    .option('--config <path>', 'configuration file (else etc/taskcenter.yaml, if it is there)')
    .option(
      '--broker <url>',
      'sqlite:<path>, redis://host:port, redis-sentinel://… or redis-cluster://… (sqlite:<data>/tasks.db)',
    )
    .option('--port <port>', 'port of HTTP (7420)')
    .option('--host <address>', 'address that HTTP listens on (127.0.0.1)')
    .option('--data-dir <path>', 'folder for the SQLite file and the first key (./data)')
    .option('--roles <roles>', 'what this process does (api,worker,scheduler)')
    .option('--concurrency <count>', 'handlers at once (10)')
    .option('--callback-concurrency <count>', 'callbacks at once (256)')
    .option('--public-url <url>', 'base of links that others use')
    .option('--key-file <path>', 'where the first key is kept (<data>/admin.key)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (info)')
    .addHelpText('after', EXAMPLE)
    .action((options: ServeOptions) => start(options, io));
}
