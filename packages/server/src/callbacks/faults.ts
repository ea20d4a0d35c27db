/** How an attempt failed without a usable answer (api 5, error classes). */
export type FaultClass =
  | 'timeout'
  | 'connect_timeout'
  | 'connect'
  | 'dns'
  | 'tls'
  | 'reset'
  | 'protocol'
  | 'blocked_address'
  | 'invalid_url';

export interface Fault {
  readonly class: FaultClass;
  readonly message: string;
}

const TLS =
  /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET|DECRYPT|DECODE)|HOSTNAME_MISMATCH|EPROTO$|INVALID_(?:CA|PURPOSE)|PATH_LENGTH)/;
const BY_CODE: Readonly<Record<string, FaultClass>> = {
  ENOTFOUND: 'dns',
  ECONNREFUSED: 'connect',
  ETIMEDOUT: 'connect_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connect_timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  UND_ERR_SOCKET: 'reset',
  UND_ERR_DESTROYED: 'reset',
};

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** The first line of an error's text: OpenSSL adds lines that help nobody. */
function messageOf(error: unknown): string {
  // undici's parser asserts where it meets a status such as 000.
  if (codeOf(error) === 'ERR_ASSERTION') return 'the answer is not valid HTTP';
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: readonly unknown[] };
  // Several addresses were tried: Node's own message is empty then.
  if (message === '' && errors?.[0] !== undefined) return messageOf(errors[0]);
  return typeof message === 'string' && message !== ''
    ? (message.split('\n')[0] ?? message)
    : 'unknown error';
}

/** The fault behind an error of a connection. `sending`: the request was on the wire already. */
export function faultOf(error: unknown, sending: boolean): Fault {
  const code = codeOf(error);
  const message = messageOf(error);
  if (TLS.test(code)) return { class: 'tls', message };
  if (code.startsWith('EAI_')) return { class: 'dns', message };
  if (!sending) {
    // A connection that ends before it is one: never reached, whatever the code.
    const known = BY_CODE[code];
    return { class: known === undefined || known === 'reset' ? 'connect' : known, message };
  }
  if (code === 'ETIMEDOUT') return { class: 'reset', message };
  return { class: BY_CODE[code] ?? 'protocol', message };
}
