import { readFileSync } from 'node:fs';
import { shown, TaskCenterError } from '../../../errors/task-center-error.ts';

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

function readPem(name: string, path: string): Buffer {
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
 * Merges the TLS settings of a URL's query and of the caller; the caller's win. The query has `servername`, and the paths
 * of PEM files: `ca`, `cert` and `key`.
 *
 * @throws TaskCenterError `invalid-value`
 */
export function tlsOf(query: ReadonlyMap<string, string>, settings: TlsSettings = {}): TlsSettings {
  const files: Record<string, Buffer> = {};
  for (const name of ['ca', 'cert', 'key']) {
    const path = query.get(name);
    if (path !== undefined) files[name] = readPem(name, path);
  }
  const servername = query.get('servername');
  return { ...files, ...(servername !== undefined && { servername }), ...settings };
}
