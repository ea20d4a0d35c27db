/** A cluster server's word that a key is elsewhere: for good, or for this one call while its slot moves. */
export interface Redirect {
  readonly kind: 'moved' | 'ask';
  readonly slot: number;
  /** `host:port`; the host may be missing. */
  readonly to: string;
}

const REDIRECT = /^(MOVED|ASK) (\d{1,5}) (\S+)/;

/** Null for any other error. */
export function redirectIn(reply: Error): Redirect | null {
  const found = REDIRECT.exec(reply.message);
  if (!found) return null;
  const [, word, slot, to = ''] = found;
  return { kind: word === 'ASK' ? 'ask' : 'moved', slot: Number(slot), to };
}

/** Commands without a key. */
const KEYLESS = new Set(
  (
    'PING HELLO INFO TIME COMMAND CLUSTER CLIENT CONFIG PUBLISH PUBSUB SCRIPT FLUSHALL FLUSHDB KEYS SCAN DBSIZE ' +
    'ACL ROLE WAIT WAITAOF ECHO DEBUG'
  ).split(' '),
);
/** Commands whose first word is followed by another one. */
const WITH_SUBCOMMAND = new Set(['MEMORY', 'OBJECT']);

/** The first key of a command, by which it finds its server; null = any server will do. */
export function firstKeyOf([name = '', ...rest]: readonly (string | Buffer)[]): string | null {
  const word = String(name).toUpperCase();
  if (KEYLESS.has(word)) return null;
  const key = rest[WITH_SUBCOMMAND.has(word) ? 1 : 0];
  return key === undefined ? null : String(key);
}
