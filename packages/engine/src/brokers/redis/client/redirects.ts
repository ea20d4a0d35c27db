/**
 * A cluster node's reply that a key is on another node: for good (MOVED), or for this call while its slot moves (ASK).
 * `Router` follows it.
 */
export interface Redirect {
  readonly kind: 'moved' | 'ask';
  readonly slot: number;
  /** The other node, `host:port`; the host is empty where the node does not know its own. */
  readonly to: string;
}

const REDIRECT = /^(MOVED|ASK) (\d{1,5}) (\S+)/;

/** The redirect in an error reply; null for any other error. */
export function redirectIn(reply: Error): Redirect | null {
  const found = REDIRECT.exec(reply.message);
  if (!found) return null;
  const [, code, slot, to = ''] = found;
  return { kind: code === 'ASK' ? 'ask' : 'moved', slot: Number(slot), to };
}

/** Commands without a key. */
const KEYLESS = new Set(
  (
    'PING HELLO INFO TIME COMMAND CLUSTER CLIENT CONFIG PUBLISH PUBSUB SCRIPT FLUSHALL FLUSHDB KEYS SCAN DBSIZE ' +
    'ACL ROLE WAIT WAITAOF ECHO DEBUG'
  ).split(' '),
);
/** Commands with a subcommand in front of the key. */
const WITH_SUBCOMMAND = new Set(['MEMORY', 'OBJECT']);

/** The first key of a command: its node gets the command. Null = any node will do. */
export function firstKeyOf([name = '', ...args]: readonly (string | Buffer)[]): string | null {
  const command = String(name).toUpperCase();
  if (KEYLESS.has(command)) return null;
  const key = args[WITH_SUBCOMMAND.has(command) ? 1 : 0];
  return key === undefined ? null : String(key);
}
