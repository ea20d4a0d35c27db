import { readFileSync } from 'node:fs';
import { shown, TaskCenterError } from '../../../errors/task-center-error.ts';

/** TLS to Redis. Certificates are PEM texts, not paths. */
export interface TlsSettings {
  /** Who is trusted to sign the server's certificate. Default: what this machine trusts. */
  readonly ca?: string | Buffer;
  /** Our own certificate and its key, where the server asks for one. */
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** The name that the server's certificate must have. Default: the host connected to. */
  readonly servername?: string;
  /** False takes any certificate, of whoever sits in between, too: for a trial only. Default true. */
  readonly rejectUnauthorized?: boolean;
}

function fileOf(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new TaskCenterError('invalid-value', {
      name: `"${name}" of the broker URL`,
      got: `${shown(path)}, which cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`,
      expected: 'the path of a PEM file',
    });
  }
}

/**
 * TLS as a URL's query and the caller's settings say: the latter win. The query names PEM files: `ca`, `cert`, `key`;
 * and `servername`.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function tlsOf(query: ReadonlyMap<string, string>, settings: TlsSettings = {}): TlsSettings {
  const files: Record<string, Buffer> = {};
  for (const name of ['ca', 'cert', 'key']) {
    const path = query.get(name);
    if (path !== undefined) files[name] = fileOf(name, path);
  }
  const servername = query.get('servername');
  return { ...files, ...(servername !== undefined && { servername }), ...settings };
}
