// How to speak TLS with Redis. The PEM files of a URL are read for each connection: certificates are renewed while a program
// runs. A file may be read while it is written, or is missing for a moment. Until it is whole again, its last good content
// is used.
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { createOptionsCheck } from '../../../checks/options.ts';
import { anyText, flag, secret, type ValueCheck } from '../../../checks/values.ts';
import { ownFaultOf } from '../../../runtime/own-faults.ts';
import { messageOf, shown, TaskCenterError } from '../../../errors/task-center-error.ts';

/** How to speak TLS with Redis. Certificates and keys are PEM texts, not paths. */
export interface TlsSettings {
  /** Authorities that may sign the server's certificate. Default: those that Node trusts. */
  readonly ca?: string | Buffer;
  /** The client's certificate and its key, where the server asks for them. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate must have. Default: the host in the URL. */
  readonly servername?: string;
  /** False accepts any certificate, even one of an attacker in between: for a trial only. Default true. */
  readonly rejectUnauthorized?: boolean;
}

const pemText = secret('a PEM text', (value) => typeof value === 'string' || Buffer.isBuffer(value));

const checkTls = createOptionsCheck<TlsSettings>('TLS with Redis', {
  ca: pemText,
  cert: pemText,
  key: pemText,
  servername: anyText,
  rejectUnauthorized: flag,
});

export const tlsSettings: ValueCheck = (value, name) => void checkTls(value, name);

/** The parameters of a URL that name PEM files. */
const FILE_NAMES = ['ca', 'cert', 'key'] as const;
type FileName = (typeof FILE_NAMES)[number];
/** A certificate and its key are replaced one after the other: only together are they good. */
const GROUPS: readonly (readonly FileName[])[] = [['ca'], ['cert', 'key']];

type PemTexts = Partial<Record<FileName, string>>;

/** TLS settings of a URL and of the caller. Can be sent to another thread, which then reads the files itself. */
export interface TlsSource {
  /** The caller's settings, and the name in the URL. They win over files. */
  readonly settings: TlsSettings;
  readonly paths: Readonly<PemTexts>;
  /** What was last read and could be used. */
  good: PemTexts;
}

/** A file that cannot be used now. */
export interface TlsFault {
  readonly path: string;
  readonly cause: string;
  /** Whether this process could not read any file: nothing is wrong with this one. */
  readonly isLack: boolean;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** The certificates in a PEM text, in order. @throws Error when there is none, or one is cut off or damaged */
export function certificatesIn(pem: string): X509Certificate[] {
  const found = pem.match(CERTIFICATES) ?? [];
  if (found.length === 0) throw new Error('it holds no certificate');
  if (found.length < pem.split('-----BEGIN CERTIFICATE-----').length - 1)
    throw new Error('a certificate in it is cut off');
  return found.map((text) => new X509Certificate(text));
}

/** Reads files that belong together. Returns their texts, or what is wrong with one of them. */
function readGroup(names: readonly FileName[], paths: Readonly<PemTexts>): PemTexts | TlsFault {
  const texts: PemTexts = {};
  let path = '';
  try {
    for (const name of names) {
      if (paths[name] === undefined) continue;
      path = paths[name];
      texts[name] = readFileSync(path, 'utf8');
      // Node itself ignores an authority that it cannot read.
      if (name !== 'key') certificatesIn(texts[name]);
    }
    createSecureContext(texts);
    return texts;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    const own = ownFaultOf(error);
    const isLack = own?.isLack === true;
    const why = isLack ? `${code}: ${own.text}` : code;
    const cause = syscall === undefined ? `cannot be used: ${messageOf(error)}` : `cannot be read (${why})`;
    return { path, cause, isLack };
  }
}

const isFault = (read: PemTexts | TlsFault): read is TlsFault => 'path' in read;

/**
 * Merges the TLS settings of a URL's query and of the caller; the caller's win. The query has `servername`, and the paths
 * of PEM files: `ca`, `cert` and `key`.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function tlsOf(query: ReadonlyMap<string, string>, settings: TlsSettings = {}): TlsSource {
  const paths: PemTexts = {};
  for (const name of FILE_NAMES) {
    const path = query.get(name);
    if (path !== undefined && settings[name] === undefined) paths[name] = path;
  }
  const servername = query.get('servername');
  const source = {
    settings: { ...(servername !== undefined && { servername }), ...settings },
    paths,
    good: {},
  };
  const [fault] = refreshTls(source);
  if (fault === undefined) return source;
  throw new TaskCenterError('invalid-value', {
    name: 'a file of the broker URL',
    got: `${shown(fault.path)}: ${fault.cause}`,
    expected: 'paths of PEM files: "ca", "cert" and "key"',
  });
}

/** Reads the files again. Returns the files that cannot be used now; their last good content is kept. */
export function refreshTls(source: TlsSource): TlsFault[] {
  const faults: TlsFault[] = [];
  for (const names of GROUPS) {
    const read = readGroup(names, source.paths);
    if (isFault(read)) faults.push(read);
    else source.good = { ...source.good, ...read };
  }
  return faults;
}

/** The settings of a new connection, with the files as they are now. */
export function currentTls(source: TlsSource): TlsSettings {
  refreshTls(source);
  return { ...source.good, ...source.settings };
}

/** The files, for the error of a connection that failed: ` (ca: /etc/redis/ca.pem)`; '' = there are none. */
export function tlsFilesText({ paths }: TlsSource): string {
  const texts = FILE_NAMES.flatMap((name) => (paths[name] === undefined ? [] : [`${name}: ${paths[name]}`]));
  return texts.length === 0 ? '' : ` (${texts.join(', ')})`;
}
