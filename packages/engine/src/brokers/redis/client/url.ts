import { shown, TaskCenterError } from '../../../errors/task-center-error.ts';
import { tlsOf, type TlsSettings } from './tls.ts';

/** Where a server listens. */
export type Address = { readonly host: string; readonly port: number } | { readonly path: string };

export interface Login {
  readonly username: string | null;
  readonly password: string | null;
}

/** All that a connection to one server needs. */
export interface ConnectionTarget extends Login {
  readonly address: Address;
  /** Null = none. */
  readonly tls: TlsSettings | null;
  readonly database: number;
}

/** A parsed URL of a Redis. */
export interface RedisTarget extends Login {
  readonly kind: 'single' | 'sentinel' | 'cluster';
  /** The URL without its passwords, for messages. */
  readonly name: string;
  /** The server; the Sentinels; some nodes of the cluster. */
  readonly nodes: readonly Address[];
  /** What Sentinel calls the master; '' elsewhere. */
  readonly master: string;
  readonly tls: TlsSettings | null;
  readonly database: number;
  /** Of the Sentinels; `username` and `password` are those of the servers behind them. */
  readonly sentinelLogin: Login;
}

/** What a URL of a Redis leaves out, or what should not stand in one; it wins over the URL. */
export interface RedisSettings {
  readonly username?: string;
  readonly password?: string;
  readonly sentinelUsername?: string;
  readonly sentinelPassword?: string;
  /** With it TLS is used whatever the URL says. */
  readonly tls?: TlsSettings;
}

const DEFAULT_PORT = 6379;
const DEFAULT_SENTINEL_PORT = 26379;
const TLS_QUERY = ['ca', 'cert', 'key', 'servername'];

/** What each form of a URL may be, by its scheme; the names are for messages. */
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

/** A URL as a message may show it, also one that cannot be parsed. */
function withoutPassword(url: string): string {
  return url.replace(/\/\/.*@/s, '//***@').replace(/(password=)[^&]*/g, '$1***');
}

interface Pieces {
  readonly scheme: string;
  /** Still encoded. */
  readonly user: string;
  readonly login: Login;
  readonly hosts: string;
  /** With its slash; '' = none. */
  readonly path: string;
  readonly query: ReadonlyMap<string, string>;
}

const URL_FORM = /^([a-z-]+):\/\/(?:([^@/?#]*)@)?([^@/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/;

const textOf = (encoded: string): string | null => (encoded === '' ? null : decodeURIComponent(encoded));

function piecesOf(url: string): Pieces | null {
  const found = URL_FORM.exec(url);
  if (!found) return null;
  const [, scheme = '', info = '', hosts = '', path = '', search = ''] = found;
  const colon = info.indexOf(':');
  const user = colon < 0 ? info : info.slice(0, colon);
  const login = { username: textOf(user), password: colon < 0 ? null : textOf(info.slice(colon + 1)) };
  return { scheme, user, login, hosts, path, query: new Map(new URLSearchParams(search)) };
}

/** `host`, `host:port`, `[::1]:port` */
function addressOf(text: string, defaultPort: number): Address | null {
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([^\s:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  const port = Number(found?.[3] ?? defaultPort);
  const host = found?.[1] ?? found?.[2];
  return host === undefined || port < 1 || port > 65_535 ? null : { host, port };
}

export function addressText(address: Address): string {
  if ('path' in address) return address.path;
  const { host, port } = address;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function databaseOf(text: string): number | null {
  return /^\d{1,5}$/.test(text) ? Number(text) : null;
}

type Location = Pick<RedisTarget, 'kind' | 'nodes' | 'master' | 'database'> & {
  /** What follows the hosts in the name. */
  readonly rest: string;
};

function socketLocation({ hosts, path, query }: Pieces): Location | null {
  const database = databaseOf(query.get('db') ?? '0');
  if (hosts !== '' || path.length < 2 || database === null) return null;
  const nodes = [{ path: decodeURIComponent(path) }];
  return { kind: 'single', nodes, master: '', database, rest: database === 0 ? '' : `?db=${database}` };
}

function hostsLocation(kind: Location['kind'], pieces: Pieces): Location | null {
  const { hosts, path, query } = pieces;
  const defaultPort = kind === 'sentinel' ? DEFAULT_SENTINEL_PORT : DEFAULT_PORT;
  const nodes = hosts.split(',').map((text) => addressOf(text, defaultPort));
  const database = path === '' || path === '/' ? 0 : databaseOf(path.slice(1));
  const master = query.get('master') ?? '';
  if (database === null || (kind === 'single' && nodes.length > 1)) return null;
  if ((kind === 'sentinel') !== (master !== '') || (kind === 'cluster' && database !== 0)) return null;
  const known = nodes.filter((node) => node !== null);
  if (known.length < nodes.length) return null;
  const number = database === 0 ? '' : `/${database}`;
  const named = master === '' ? '' : `?master=${encodeURIComponent(master)}`;
  return { kind, nodes: known, master, database, rest: number + named };
}

const KINDS = {
  redis: 'single',
  rediss: 'single',
  'redis-sentinel': 'sentinel',
  'rediss-sentinel': 'sentinel',
  'redis-cluster': 'cluster',
  'rediss-cluster': 'cluster',
} as const;

function locationOf(pieces: Pieces): Location | null {
  const { scheme } = pieces;
  if (scheme === 'redis-socket') return socketLocation(pieces);
  return Object.hasOwn(KINDS, scheme) ? hostsLocation(KINDS[scheme as keyof typeof KINDS], pieces) : null;
}

/** What a query may name, by the place and whether TLS is used. */
function hasStrangers({ scheme, query }: Pieces, { kind }: Location, tls: boolean): boolean {
  const known = new Set(tls ? TLS_QUERY : []);
  if (scheme === 'redis-socket') known.add('db');
  if (kind === 'sentinel') for (const name of ['master', 'username', 'password']) known.add(name);
  return [...query.keys()].some((name) => !known.has(name));
}

function parse(url: string, settings: RedisSettings): RedisTarget | null {
  const pieces = piecesOf(url);
  const place = pieces && locationOf(pieces);
  if (!place) return null;
  const { scheme, user, login, query } = pieces;
  const secure = scheme.startsWith('rediss') || settings.tls !== undefined;
  if (hasStrangers(pieces, place, secure)) return null;
  const { rest, ...known } = place;
  const ofSentinels = place.kind === 'sentinel';
  const server = ofSentinels
    ? { username: query.get('username') ?? null, password: query.get('password') ?? null }
    : login;
  const hosts = place.nodes.map(addressText).join(',');
  return {
    ...known,
    name: `${scheme}://${user === '' ? '' : `${user}@`}${hosts}${rest}`,
    tls: secure ? tlsOf(query, settings.tls) : null,
    username: settings.username ?? server.username,
    password: settings.password ?? server.password,
    sentinelLogin: {
      username: settings.sentinelUsername ?? (ofSentinels ? login.username : null),
      password: settings.sentinelPassword ?? (ofSentinels ? login.password : null),
    },
  };
}

function expectedOf(url: string): string {
  const scheme = /^([a-z-]+):\/\//.exec(url)?.[1] ?? '';
  if (Object.hasOwn(FORMS, scheme)) return FORMS[scheme] as string;
  return `${FORMS.redis}, or the same with rediss://, redis-socket://, redis-sentinel:// or redis-cluster://`;
}

/**
 * The parts of a Redis URL. Without a port: 6379, of Sentinels 26379; without a database: 0. As Asynq's URLs where it
 * has them; of `redis-sentinel:` the login is the Sentinels', that of the servers is in the query (`username`,
 * `password`) or in `settings`.
 *
 * @throws TaskCenterError `invalid-value`, never with the password
 */
export function parseRedisUrl(url: string, settings: RedisSettings = {}): RedisTarget {
  let target: RedisTarget | null = null;
  try {
    target = parse(url, settings);
  } catch (error) {
    // Else a bad percent code in it.
    if (error instanceof TaskCenterError) throw error;
  }
  if (target !== null) return target;
  throw new TaskCenterError('invalid-value', {
    name: 'broker URL',
    got: shown(withoutPassword(url)),
    expected: expectedOf(url),
  });
}
