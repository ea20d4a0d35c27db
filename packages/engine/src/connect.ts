import { ALLOWABLE_FINDINGS, type AllowableFinding } from './broker/findings.ts';
import type { Broker } from './broker/broker.ts';
import { createOptionsCheck, isOptions } from './checks/options.ts';
import { abortSignal, func, listOf, oneOf, secret } from './checks/values.ts';
import { invalidValue, isTaskCenterError, shownUrl, TaskCenterError } from './errors/task-center-error.ts';
import type { RedisSettings } from './brokers/redis/client/url.ts';
import type { Log } from './runtime/log.ts';
import { createRuntime, logOf, logOrFalse, runtimePart, type Runtime } from './runtime/runtime.ts';

export interface ConnectOptions {
  /**
   * Where the broker, and everything that is given the broker, writes log lines (docs/logs.md): a pino logger, `console`, or an
   * object of your own. `false` = nowhere. Default: the log of `runtime`, else JSON lines on standard error.
   */
  readonly log?: Log | false;
  /** Clock, events and the like. Default: those of the system. */
  readonly runtime?: Partial<Runtime>;
  /**
   * Keeps trying while the broker is out of reach, once a second, until it answers or this signal aborts. Default:
   * `connect` gives up within 5 s.
   */
  readonly signal?: AbortSignal;
  /** Replaces the broker's clock (wall-clock ms), for tests that move time. Default: the broker's own clock. */
  readonly nowMs?: () => number;
  /**
   * Findings to accept. They void what the broker promises; it is used all the same, and they are only reported. Default: none.
   * See `BrokerFinding`.
   */
  readonly allow?: readonly AllowableFinding[];
  /** Logins and TLS settings of Redis that should not be part of its URL. SQLite ignores them. */
  readonly redis?: RedisSettings;
}

const checkConnectOptions = createOptionsCheck<ConnectOptions>('connect', {
  log: logOrFalse,
  runtime: runtimePart,
  signal: abortSignal,
  nowMs: func,
  allow: listOf(oneOf(ALLOWABLE_FINDINGS), `a list of some of ${ALLOWABLE_FINDINGS.join(', ')}`),
  // The code for Redis checks the rest of it.
  redis: secret('an object with settings of Redis', isOptions),
});

const EXPECTED_URL =
  '"sqlite:./data/tasks.db", "redis://host:6379/0", or one that begins with rediss://, redis-socket://, redis-sentinel:// or redis-cluster://';

const RETRY_INTERVAL_MS = 1_000;

/**
 * Opens a broker. The URL is one of `sqlite:<path>`, `redis://[user:pass@]host[:port][/db]`, `rediss://…` (TLS),
 * `redis-socket://<path>`, `redis-sentinel://h1,h2[/db]?master=<name>` or `redis-cluster://h1,h2`. The code of a broker
 * is loaded only when its URL is used. Call `close` on the result at the end: it also stops the workers that still run on it.
 *
 * @throws TaskCenterError `invalid-value`, `broker-unavailable` (within 5 s; with a signal: once it aborts),
 *   `broker-refused`, `broker-unsafe`, `database-in-use`, `database-unusable`, `schema-too-new`
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Broker> {
  if (typeof url !== 'string') throw invalidValue('broker URL', url, EXPECTED_URL);
  const { signal, log: given, ...rest } = checkConnectOptions(options);
  const runtime = createRuntime({ ...options.runtime, ...logOf(given) });
  const openOptions = { ...rest, runtime };
  if (!signal) return openBroker(url, openOptions);
  const { clock, log } = runtime;
  for (;;) {
    try {
      return await openBroker(url, openOptions);
    } catch (error) {
      if (signal.aborted || !isTaskCenterError(error, 'broker-unavailable')) throw error;
      log.warn({ err: error }, 'the broker is out of reach; trying again');
      await clock.sleep(RETRY_INTERVAL_MS, signal);
      if (signal.aborted) throw error;
    }
  }
}

async function openBroker(url: string, options: Omit<ConnectOptions, 'signal' | 'log'>): Promise<Broker> {
  // SQLite takes `:memory:` for a database in memory, whose tasks would be lost with the process.
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length && url !== 'sqlite::memory:') {
    const { connectSqlite } = await import('./brokers/sqlite/sqlite-broker.ts');
    return connectSqlite({ path: url.slice('sqlite:'.length), ...options });
  }
  if (/^redis[a-z-]*:\/\//.test(url)) {
    const { connectRedis } = await import('./brokers/redis/redis-broker.ts');
    return connectRedis({ url, ...options });
  }
  throw new TaskCenterError('invalid-value', {
    name: 'broker URL',
    got: shownUrl(url),
    expected: EXPECTED_URL,
  });
}
