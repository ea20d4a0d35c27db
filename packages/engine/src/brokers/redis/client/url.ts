import { createOptionsCheck } from '../../../checks/options.ts';
import { anyText, secret } from '../../../checks/values.ts';
import { shownUrl, TaskCenterError } from '../../../errors/task-center-error.ts';
import { tlsOf, tlsSettings, type TlsSettings, type TlsSource } from './tls.ts';

/** Where a server listens: TCP, or the path of a Unix socket. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

/** Null = none: no login at all without a password; with a password the user is `default`. */
export interface Login {
  readonly username: string | null;
  readonly password: string | null;
}

/** Everything that is needed to connect to one server. */
export interface ConnectionTarget extends Login {
  readonly address: Address;
  /** Null = without TLS. */
  readonly tls: TlsSource | null;
  readonly database: number;
}

/** A parsed Redis URL, with the caller's settings. */
export interface RedisTarget extends Login {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The URL without its passwords, for messages. */
  readonly name: string;
  /** By kind: the server, the Sentinels, or some nodes of the cluster. */
  readonly nodes: readonly Address[];
  /** The name by which the Sentinels know the master; '' for the other kinds. */
  readonly master: string;
  readonly tls: TlsSource | null;
  readonly database: number;
  /** The login of the Sentinels; `username` and `password` are those of the servers behind them. */
  readonly sentinelLogin: Login;
}

/** Settings that a Redis URL leaves out, or that should not be in a URL, such as passwords. They win over the URL. */
export interface RedisSettings {
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** If set, TLS is used whatever the scheme of the URL. */
  readonly tls?: TlsSettings;
}

const secretText = secret('a text', (value) => typeof value === 'string');

const checkSettings = createOptionsCheck<RedisSettings>('Redis', {
  username: anyText,
  password: secretText,
  sentinelUsername: anyText,
  sentinelPassword: secretText,
  tls: tlsSettings,
});

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
const TLS_QUERY = ['ca', 'cert', 'key', 'servername'];

/** The form of a URL by its scheme, for error texts. */
const FORMS: Readonly<Record<string, string>> = {
  redis: 'redis://[user:password@]host[:port][/database]',
  rediss:
    'rediss://[user:password@]host[:port][/database][?ca=<file>&cert=<file>&key=<file>&servername=<name>]',
  'redis-socket': 'redis-socket://[user:password@]/path/to/socket[?db=<number>]',
  'redis-sentinel':
    "redis-sentinel://[user:password@]host[:port][,host[:port]…][/database]?master=<name> (user and password are the Sentinels')",
  'rediss-sentinel': 'rediss-sentinel://… like redis-sentinel://, with TLS',
  'redis-cluster':
    'redis-cluster://[user:password@]host[:port][,host[:port]…] (a cluster has no database numbers)',
  'rediss-cluster': 'rediss-cluster://… like redis-cluster://, with TLS',
};

interface UrlParts {
  readonly scheme: string;
  /** Still percent-encoded. */
  readonly user: string;
  readonly login: Login;
  readonly hosts: string;
  /** With its slash; '' = none. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

const URL_FORM = /^([a-z-]+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

const percentDecode = (encoded: string): string | null =>
  encoded === '' ? null : decodeURIComponent(encoded);

function splitUrl(url: string): UrlParts | null {
  const found = URL_FORM.exec(url);
  if (!found) return null;
  const [, scheme = '', userInfo = '', hosts = '', path = '', search = ''] = found;
  const colon = userInfo.indexOf(':');
  const user = colon < 0 ? userInfo : userInfo.slice(0, colon);
  const login = {
    username: percentDecode(user),
    password: colon < 0 ? null : percentDecode(userInfo.slice(colon + 1)),
  };
  return { scheme, user, login, hosts, path, query: new Map(new URLSearchParams(search)) };
}

/** Parses `host`, `host:port` or `[::1]:port`; null = not an address. */
function parseAddress(text: string, defaultPort: number): Address | null {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[3] ?? defaultPort);
  const host = found?.[1] ?? found?.[2];
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

/** An address as a URL has it: `host:port`, `[::1]:port`, or a path. */
export function addressText(address: Address): string {
  if ('path' in address) return address.path;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function parseDatabase(text: string): number | null {
  return /^\d{1,5}$/.test(text) ? Number(text) : null;
}

type Location = Pick<RedisTarget, 'kind' | 'nodes' | 'master' | 'database'> & {
  /** What follows the hosts in the URL's name. */
  readonly suffix: string;
};

function socketLocation({ hosts, path, query }: UrlParts): Location | null {
  const database = parseDatabase(query.get('db') ?? '0');
  if (hosts !== '' || path.length < 2 || database === null) return null;
  const nodes = [{ path: decodeURIComponent(path) }];
  return { kind: 'single', nodes, master: '', database, suffix: database === 0 ? '' : `?db=${database}` };
}

function hostsLocation(kind: Location['kind'], parts: UrlParts): Location | null {
  const { hosts, path, query } = parts;
  const defaultPort = kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT;
  const nodes = hosts.split(',').map((text) => parseAddress(text, defaultPort));
  const database = path === '' || path === '/' ? 0 : parseDatabase(path.slice(1));
  const master = query.get('master') ?? '';
  if (database === null || (kind === 'single' && nodes.length > 1)) return null;
  if ((kind === 'sentinel') !== (master !== '') || (kind === 'cluster' && database !== 0)) return null;
  const known = nodes.filter((node) => node !== null);
  if (known.length < nodes.length) return null;
  const number = database === 0 ? '' : `/${database}`;
  const named = master === '' ? '' : `?master=${encodeURIComponent(master)}`;
  return { kind, nodes: known, master, database, suffix: number + named };
}

const KINDS = {
  redis: 'single',
  rediss: 'single',
  'redis-sentinel': 'sentinel',
  'rediss-sentinel': 'sentinel',
  'redis-cluster': 'cluster',
  'rediss-cluster': 'cluster',
} as const;

function locationOf(parts: UrlParts): Location | null {
  const { scheme } = parts;
  if (scheme === 'redis-socket') return socketLocation(parts);
  return Object.hasOwn(KINDS, scheme) ? hostsLocation(KINDS[scheme as keyof typeof KINDS], parts) : null;
}

/** Whether the query has a parameter that its kind of URL does not allow. */
function hasUnknownParameters({ scheme, query }: UrlParts, { kind }: Location, tls: boolean): boolean {
  const known = new Set(tls ? TLS_QUERY : []);
  if (scheme === 'redis-socket') known.add('db');
  if (kind === 'sentinel') for (const name of ['master', 'username', 'password']) known.add(name);
  return [...query.keys()].some((name) => !known.has(name));
}

function parse(url: string, settings: RedisSettings): RedisTarget | null {
  const parts = splitUrl(url);
  const location = parts && locationOf(parts);
  if (!location) return null;
  const { scheme, user, login, query } = parts;
  const usesTls = scheme.startsWith('rediss') || settings.tls !== undefined;
  if (hasUnknownParameters(parts, location, usesTls)) return null;
  const { suffix, ...known } = location;
  // As in Asynq, the login in front of the hosts is that of the Sentinels.
  const isSentinel = location.kind === 'sentinel';
  const server = isSentinel
    ? { username: query.get('username') ?? null, password: query.get('password') ?? null }
    : login;
  const hosts = location.nodes.map(addressText).join(',');
  return {
    ...known,
    name: `${scheme}://${user === '' ? '' : `${user}@`}${hosts}${suffix}`,
    tls: usesTls ? tlsOf(query, settings.tls) : null,
    username: settings.username ?? server.username,
    password: settings.password ?? server.password,
    sentinelLogin: {
      username: settings.sentinelUsername ?? (isSentinel ? login.username : null),
      password: settings.sentinelPassword ?? (isSentinel ? login.password : null),
    },
  };
}

function expectedForm(url: string): string {
  const scheme = /^([a-z-]+):\/\//.exec(url)?.[1] ?? '';
  if (Object.hasOwn(FORMS, scheme)) return FORMS[scheme] as string;
  return `${FORMS.redis}, or the same with rediss://, redis-socket://, redis-sentinel:// or redis-cluster://`;
}

/**
 * Parses a Redis URL. The default port is 6379, for Sentinels 26379; the default database is 0. Asynq's URLs mean here
 * what they mean there: the login of `redis-sentinel:` is that of the Sentinels. The login of the servers behind them is
 * in the query (`username`, `password`) or in `settings`.
 *
 * @throws TaskCenterError `invalid-value`; its text never has the password
 */
export function parseRedisUrl(url: string, settings: RedisSettings = {}): RedisTarget {
  checkSettings(settings, 'redis');
  let target: RedisTarget | null = null;
  try {
    target = parse(url, settings);
  } catch (error) {
    if (error instanceof TaskCenterError) throw error;
    // Anything else is a malformed percent-encoding.
  }
  if (target !== null) return target;
  throw new TaskCenterError('invalid-value', {
    name: 'broker URL',
    got: shownUrl(url),
    expected: expectedForm(url),
  });
}
