import { BlockList, isIP } from 'node:net';

/** An opening for callbacks: a host (exact, or `*.` and a suffix) or addresses, with ports and schemes. */
export interface AllowRule {
  /** `erp.lan`, `*.example.com`, or an address as a URL shows it. */
  readonly host?: string | undefined;
  /** `10.0.0.0/8`, `fd00::/8`; matches addresses written in the URL, never names. */
  readonly cidr?: string | undefined;
  /** Ports and ranges such as `8080` or `'1-65535'`. Default: 443, and 80 where `http` is true. */
  readonly ports?: readonly (string | number)[] | undefined;
  /** Whether `http:` passes beside `https:`. Default false. */
  readonly http?: boolean | undefined;
}

/** Where callbacks may go. `try`: anywhere; `service`: only where a rule of `allow` says so (api 5). */
export interface UrlRules {
  readonly mode: 'service' | 'try';
  readonly allow: readonly AllowRule[];
}

export type UrlVerdict =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: 'invalid_url'; readonly message: string }
  | {
      readonly ok: false;
      readonly code: 'url-blocked';
      readonly message: string;
      /** The host as it was understood, such as `127.0.0.1` for `http://0x7f.1/`. */
      readonly address: string;
      /** The rule that stopped it. */
      readonly rule: string;
      /** The line that would let it pass, as YAML and as variable. */
      readonly configuration: string;
    };

const MAX_LENGTH_BYTES = 2_048;
const MAX_HOST_LENGTH = 253;
// The URL parser drops tabs and line feeds and reads `\` as `/`: what is checked must be what was written.
// eslint-disable-next-line no-control-regex
const TREACHEROUS = /[\u0000-\u0020\u007f\\]/;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

interface Target {
  /** Name in lower case without its last dot, or address without brackets. */
  readonly host: string;
  /** 0 = a name. */
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

/** The URL's target, or why there is none. */
function parse(text: string): Target | string {
  if (Buffer.byteLength(text) > MAX_LENGTH_BYTES) return `it has more than ${MAX_LENGTH_BYTES} bytes`;
  if (TREACHEROUS.test(text)) return 'it has blanks, control characters or backslashes';
  if (!/^https?:\/\//i.test(text)) return 'it must begin with https:// or http://';
  // The parser would take the first segment of the path for the host.
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
  const wanted = pattern
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '');
  if (wanted.startsWith('*.')) return family === 0 && host.endsWith(wanted.slice(1));
  return host === wanted;
}

function matchesCidr(cidr: string, { host, family }: Target): boolean {
  if (family === 0) return false;
  const [network = '', bits = ''] = cidr.split('/');
  const kind = isIP(network);
  if (kind === 0) return false;
  const list = new BlockList();
  const longest = kind === 6 ? 128 : 32;
  const length = bits === '' ? longest : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > longest) return false;
  list.addSubnet(network, length, kind === 6 ? 'ipv6' : 'ipv4');
  // A v4-mapped v6 address is found in v4 networks too: BlockList knows both spellings.
  return list.check(host, family === 6 ? 'ipv6' : 'ipv4');
}

function opens(rule: AllowRule, target: Target): boolean {
  if (target.http && rule.http !== true) return false;
  if (!matchesPort(rule.ports, target)) return false;
  if (rule.host !== undefined) return matchesHost(rule.host, target);
  return rule.cidr !== undefined && matchesCidr(rule.cidr, target);
}

function openingFor({ host, family, port, http }: Target): string {
  const place = family === 0 ? { host } : { cidr: `${host}/${family === 4 ? 32 : 128}` };
  const rule = JSON.stringify([{ ...place, ports: [String(port)], ...(http ? { http: true } : {}) }]);
  return `callbacks: {allow: ${rule}} in etc/taskcenter.yaml, or TASKCENTER_CALLBACKS_ALLOW=${rule}`;
}

/** Whether a callback may go to this URL. Asked at submission and again before each attempt. */
export function checkCallbackUrl(url: string, rules: UrlRules): UrlVerdict {
  const target = parse(url);
  if (typeof target === 'string')
    return { ok: false, code: 'invalid_url', message: `The callback URL is not valid: ${target}.` };
  if (rules.mode === 'try' || rules.allow.some((rule) => opens(rule, target))) return { ok: true };
  const place = `${target.family === 6 ? `[${target.host}]` : target.host}:${target.port}`;
  const scheme = target.http ? 'http' : 'https';
  return {
    ok: false,
    code: 'url-blocked',
    message: `Callbacks to ${place} over ${scheme} are not allowed: no entry of callbacks.allow matches.`,
    address: target.host,
    rule: 'callbacks.allow',
    configuration: openingFor(target),
  };
}
