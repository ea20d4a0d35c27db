import type { Broker } from './broker/broker.ts';
import { isTaskCenterError, shown, TaskCenterError } from './errors/task-center-error.ts';
import type { RedisSettings } from './brokers/redis/client/url.ts';
import { createRuntime, type Runtime } from './runtime/runtime.ts';

export interface ConnectOptions {
  readonly runtime?: Partial<Runtime>;
  /** With it a broker that is out of reach is tried again until it is there, or this aborts. */
  readonly signal?: AbortSignal;
  /** The broker's clock, wall-clock ms, for tests that move time. Default: the broker's own. */
  readonly nowMs?: () => number;
  /** For a Redis: logins and TLS that should not stand in the URL. */
  readonly redis?: RedisSettings;
}

const EXPECTED =
  '"sqlite:./data/tasks.db", "redis://host:6379/0", or one that begins with rediss://, redis-socket://, redis-sentinel:// or redis-cluster://';

/** What an error may show of a URL: everything but the password. */
function withoutPassword(url: string): string {
  return shown(url.replace(/(:\/\/[^:@/]*):.*@/, '$1:***@'));
}

const AGAIN_MS = 1_000;

/**
 * Opens a broker: `sqlite:<path>`, `redis://[user:pass@]host[:port][/db]`, `rediss://…` (TLS), `redis-socket://<path>`,
 * `redis-sentinel://h1,h2[/db]?master=<name>` or `redis-cluster://h1,h2`.
 *
 * @throws TaskCenterError `invalid-value`, `broker-unavailable` (within 5 s; with a signal: once it aborts), `broker-refused`, `database-in-use`,
 *   `database-unusable`, `schema-too-new`
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Broker> {
  const { signal, ...how } = options;
  if (!signal) return open(url, how);
  const { clock, log } = createRuntime(options.runtime);
  for (;;) {
    try {
      return await open(url, how);
    } catch (error) {
      if (signal.aborted || !isTaskCenterError(error, 'broker-unavailable')) throw error;
      log.warn({ err: error }, 'the broker is out of reach; trying again');
      await clock.sleep(AGAIN_MS, signal);
      if (signal.aborted) throw error;
    }
  }
}

async function open(url: string, options: Omit<ConnectOptions, 'signal'>): Promise<Broker> {
  if (url.startsWith('sqlite:') && url.length > 'sqlite:'.length) {
    const { connectSqlite } = await import('./brokers/sqlite/sqlite-broker.ts');
    return connectSqlite({ path: url.slice('sqlite:'.length), ...options });
  }
  if (/^redis[a-z-]*:\/\//.test(url)) {
    const { connectRedis } = await import('./brokers/redis/redis-broker.ts');
    return connectRedis({ url, ...options });
  }
  throw new TaskCenterError('invalid-value', {
    name: 'broker URL',
    got: withoutPassword(url),
    expected: EXPECTED,
  });
}
