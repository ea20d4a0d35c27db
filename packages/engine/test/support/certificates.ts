import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority, and a certificate that it has signed. */
export interface Certificates {
  /** Path of the authority's certificate. */
  readonly ca: string;
  /** Paths of a certificate for `localhost` and 127.0.0.1, and of its key; for a server and for a client alike. */
  readonly cert: string;
  readonly key: string;
  /** The texts of the three files. */
  readonly pem: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** Whether `openssl` can be run here. */
export const hasOpenssl = (): boolean => spawnSync('openssl', ['version']).status === 0;

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args);
  if (status !== 0) throw new Error(`openssl ${args[0]}: ${String(stderr)}`);
}

/** Makes a self-signed authority and a certificate signed by it, in `folder`. */
export function makeCertificates(folder: string): Certificates {
  const file = (name: string): string => join(folder, name);
  const [ca, caKey, cert, key] = ['ca.crt', 'ca.key', 'redis.crt', 'redis.key'].map(file) as [
    string,
    string,
    string,
    string,
  ];
  const rsa = ['-newkey', 'rsa:2048', '-nodes'];
  openssl('req', '-x509', ...rsa, '-keyout', caKey, '-out', ca, '-days', '2', '-subj', '/CN=Test authority');
  openssl('req', ...rsa, '-keyout', key, '-out', file('redis.csr'), '-subj', '/CN=localhost');
  writeFileSync(file('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n');
  const signed = ['-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-extfile', file('names'), '-days', '2'];
  openssl('x509', '-req', '-in', file('redis.csr'), '-out', cert, ...signed);
  return { ca, cert, key, pem: { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) } };
}

/** Arguments for a `redis-server` that uses these certificates. */
export const tlsArguments = ({ ca, cert, key }: Certificates): string[] => [
  '--tls-cert-file',
  cert,
  '--tls-key-file',
  key,
  '--tls-ca-cert-file',
  ca,
];
