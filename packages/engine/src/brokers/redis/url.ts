import { shown, TaskCenterError } from '../../errors/task-center-error.ts';

/** A parsed `redis://` or `rediss://` URL. */
export interface RedisTarget {
  /** The URL without its password, for messages. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | null;
  readonly password: string | null;
  readonly database: number;
}

const DEFAULT_PORT = 6379;

/** A URL as a message may show it, also one that cannot be parsed. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, '//***@');
}

function invalid(url: string): TaskCenterError {
  return new TaskCenterError('invalid-value', {
    name: 'broker URL',
    got: shown(withoutPassword(url)),
    expected: 'redis://[user:password@]host[:port][/database] or rediss://…',
  });
}

function textOf(encoded: string): string | null {
  return encoded === '' ? null : decodeURIComponent(encoded);
}

function parse(url: string): RedisTarget | null {
  const { protocol, hostname, port, username, password, pathname, search, hash } = new URL(url);
  const database = /^(?:|\/|\/(\d{1,5}))$/.exec(pathname);
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || !database || hostname === '') return null;
  if (search !== '' || hash !== '') return null;
  const parts = {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? DEFAULT_PORT : Number(port),
    database: Number(database[1] ?? 0),
  };
  const user = username === '' ? '' : `${username}@`;
  const path = parts.database === 0 ? '' : `/${parts.database}`;
  return {
    ...parts,
    name: `${protocol}//${user}${hostname}:${parts.port}${path}`,
    tls: protocol === 'rediss:',
    username: textOf(username),
    password: textOf(password),
  };
}

/**
 * The parts of a Redis URL. Without a port: 6379; without a database: 0.
 *
 * @throws TaskCenterError `invalid-value`, never with the password
 */
export function parseRedisUrl(url: string): RedisTarget {
  let target: RedisTarget | null = null;
  try {
    target = parse(url);
  } catch {
    // Not a URL at all, or a bad percent code in it.
  }
  if (target === null || target.port === 0) throw invalid(url);
  return target;
}
