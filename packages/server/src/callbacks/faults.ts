/**
 * Classes of failed exchanges, by the error codes of Node and OpenSSL.
 *
 * A new error code needs an entry in `BY_CODE`, or a pattern in `TLS_CODE`; a new class also one in `FaultClass`. Classes are
 * public: docs/design/http-api.md#callbacks lists them.
 */

import { ownFaultOf, type OwnFault } from '@task-center/engine';

/** How an attempt failed without a usable answer. */
export type FaultClass =
  | 'timeout'
  | 'connect_timeout'
  | 'connect'
  | 'dns'
  | 'tls'
  | 'reset'
  | 'protocol'
  | 'blocked_address'
  | 'cancelled'
  | 'invalid_url';

/** A failed exchange. */
export interface Fault {
  readonly class: FaultClass;
  readonly message: string;
  /** It is a fault on this side, not the receiver's. */
  readonly own?: OwnFault;
}

const TLS_CODE =
  /^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_(?:VERIFY|GET|DECRYPT|DECODE)|HOSTNAME_MISMATCH|EPROTO$|INVALID_(?:CA|PURPOSE)|PATH_LENGTH)/;
const BY_CODE: Readonly<Record<string, FaultClass>> = {
  ENOTFOUND: 'dns',
  ECONNREFUSED: 'connect',
  ETIMEDOUT: 'connect_timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
};

function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** The first line of an error's message; OpenSSL adds lines that only help its developers. */
function messageOf(error: unknown): string {
  const { message, errors } = (error ?? {}) as { message?: unknown; errors?: readonly unknown[] };
  // With several addresses Node's own message is empty; the errors of the addresses are inside.
  if (message === '' && errors?.[0] !== undefined) return messageOf(errors[0]);
  return typeof message === 'string' && message !== ''
    ? (message.split('\n')[0] ?? message)
    : 'unknown error';
}

/** The fault behind a connection's error. `isConnected`: whether the connection had been established. */
export function faultOf(error: unknown, isConnected: boolean): Fault {
  const own = ownFaultOf(error);
  return { ...classified(error, isConnected), ...(own && { own }) };
}

function classified(error: unknown, isConnected: boolean): Fault {
  const code = codeOf(error);
  const message = messageOf(error);
  if (TLS_CODE.test(code)) return { class: 'tls', message };
  if (code.startsWith('EAI_')) return { class: 'dns', message };
  if (!isConnected) {
    // A reset before the connection is established means that the receiver was not reached.
    const known = BY_CODE[code];
    return { class: known === undefined || known === 'reset' ? 'connect' : known, message };
  }
  if (code === 'ETIMEDOUT') return { class: 'reset', message };
  return { class: BY_CODE[code] ?? 'protocol', message };
}
