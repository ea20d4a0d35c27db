/**
 * Decides whether a callback may go to a URL: a guard against server-side request forgery. Names are not resolved, so a rule
 * for a network never matches a name. Pure.
 */
import { BlockList, isIP } from 'node:net';

/** Permits callbacks to a host (exact, or `*.` and a suffix) or a network, on some ports. */
export interface AllowRule {
  /** `erp.lan`, `*.example.com`, or an address as a URL shows it. */
  readonly host?: string | undefined;
  /** `10.0.0.0/8`, `fd00::/8`; matches addresses written in the URL, never names. */
  readonly cidr?: string | undefined;
  /** Ports and ranges such as `8080` or `'1-65535'`. Default: 443, and 80 where `http` is true. */
  readonly ports?: readonly (string | number)[] | undefined;
  /** Whether `http:` is allowed besides `https:`. Default false. */
  readonly http?: boolean | undefined;
}

/** Where callbacks may go. `try`: anywhere. `service`: only where a rule in `allow` matches. */
export interface UrlRules {
  readonly mode: 'service' | 'try';
  readonly allow: readonly AllowRule[];
}

/** A URL that no rule opens. */
export interface BlockedUrl {
  readonly ok: false;
  readonly code: 'url-blocked';
  readonly message: string;
  /** The host after parsing, such as `127.0.0.1` for `http://0x7f.1/`. */
  readonly address: string;
  /** Scheme, host and port: `http://127.0.0.1:80`. */
  readonly target: string;
  /** The setting that blocked it. */
  readonly rule: string;
  /** The entry of `callbacks.allow` that would allow it, as JSON. */
  readonly entry: string;
  /** The configuration that would allow it, as YAML and as a variable. */
  readonly configuration: string;
}

export type UrlVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'invalid_url'; readonly message: string }
  | BlockedUrl;

const MAX_LENGTH_BYTES = 2_048;
const MAX_HOST_LENGTH = 253;
// The URL parser drops tabs and line feeds and reads `\` as `/`: it would check another URL than the one that was
// written.
// eslint-disable-next-line no-control-regex
const UNSAFE_CHARACTERS = /[\u0000-\u0020\u007f\\]/;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

interface Target {
  /** Name in lower case without its last dot, or address without brackets. */
  readonly host: string;
  /** IP version; 0 = a name. */
  readonly family: 0 | 4 | 6;
  readonly port: number;
  readonly http: boolean;
}

function hostFault({ host, family, port }: Target): string | null {
  if (port === 0) return 'port 0 cannot be reached';
  if (family !== 0) return null;
  if (host.length > MAX_HOST_LENGTH || !host.split('.').every((label) => LABEL.test(label)))
    return 'its host is not a valid name';
  return null;
}

function targetOf(url: URL): Target {
  const host = url.hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  const http = url.protocol === 'http:';
  return {
    host,
    family: isIP(host) as 0 | 4 | 6,
    port: url.port === '' ? (http ? 80 : 443) : Number(url.port),
    http,
  };
}

/** The URL's target, or what is wrong with it. */
function parseTarget(text: string): Target | string {
  if (Buffer.byteLength(text) > MAX_LENGTH_BYTES) return `it has more than ${MAX_LENGTH_BYTES} bytes`;
  if (UNSAFE_CHARACTERS.test(text)) return 'it has blanks, control characters or backslashes';
  if (!/^https?:\/\//i.test(text)) return 'it must begin with https:// or http://';
  // The parser would take the first path segment as the host.
  if (/^[^/]*\/\/(?:[/?#]|$)/.test(text)) return 'its host is missing';
  if (/^[^/]*\/\/[^/?#]*@/.test(text)) return 'it must not contain a user name or password';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return 'its host or port is not valid';
  }
  const target = targetOf(url);
  return hostFault(target) ?? target;
}

function matchesPort(ports: AllowRule['ports'], { port, http }: Target): boolean {
  if (ports === undefined) return port === (http ? 80 : 443);
  return ports.some((entry) => {
    const [from = '', to = from] = String(entry).split('-');
    return Number(from) <= port && port <= Number(to);
  });
}

function matchesHost(pattern: string, { host, family }: Target): boolean {
  const normalized = pattern
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  if (normalized.startsWith('*.')) return family === 0 && host.endsWith(normalized.slice(1));
  return host === normalized;
}

function matchesCidr(cidr: string, { host, family }: Target): boolean {
  if (family === 0) return false;
  const [network = '', bits = ''] = cidr.split('/');
  const version = isIP(network);
  if (version === 0) return false;
  const list = new BlockList();
  const maxBits = version === 6 ? 128 : 32;
  const length = bits === '' ? maxBits : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > maxBits) return false;
  list.addSubnet(network, length, version === 6 ? 'ipv6' : 'ipv4');
  // BlockList also finds IPv4-mapped IPv6 addresses in IPv4 networks.
  return list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function matchesRule(rule: AllowRule, target: Target): boolean {
  if (target.http && rule.http !== true) return false;
  if (!matchesPort(rule.ports, target)) return false;
  if (rule.host !== undefined) return matchesHost(rule.host, target);
  return rule.cidr !== undefined && matchesCidr(rule.cidr, target);
}

/** The entry of `callbacks.allow` that allows exactly this target. */
function entryFor({ host, family, port, http }: Target): string {
  const match = family === 0 ? { host } : { cidr: `${host}/${family === 4 ? 32 : 128}` };
  return JSON.stringify({ ...match, ports: [String(port)], ...(http ? { http: true } : {}) });
}

/**
 * Whether a callback may go to this URL. Checked at submission and again before each attempt, because rules may
 * change.
 */
export function checkCallbackUrl(url: string, rules: UrlRules): UrlVerdict {
  const target = parseTarget(url);
  if (typeof target === 'string')
    return { ok: false, code: 'invalid_url', message: `The callback URL is not valid: ${target}.` };
  if (rules.mode === 'try' || rules.allow.some((rule) => matchesRule(rule, target))) return { ok: true };
  const address = `${target.family === 6 ? `[${target.host}]` : target.host}:${target.port}`;
  const scheme = target.http ? 'http' : 'https';
  const entry = entryFor(target);
  return {
    ok: false,
    code: 'url-blocked',
    message: `Callbacks to ${address} over ${scheme} are not allowed: no entry of callbacks.allow matches.`,
    address: target.host,
    target: `${scheme}://${address}`,
    rule: 'callbacks.allow',
    entry,
    configuration: `callbacks: {allow: [${entry}]} in etc/taskcenter.yaml, or TASKCENTER_CALLBACKS_ALLOW=[${entry}]`,
  };
}
