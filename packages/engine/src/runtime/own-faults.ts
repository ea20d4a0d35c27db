import { closeSync, openSync } from 'node:fs';
import { devNull } from 'node:os';

/**
 * Codes of errors that this process or machine has caused, and not the other side. An operation that meets one of them has not
 * failed: it is tried again. All other errors count as the other side's, even if either side may have caused them (`ENETUNREACH`,
 * `EHOSTUNREACH`).
 */
const OWN_FAULTS: Readonly<Record<string, string>> = {
  EMFILE: 'this process has no file descriptors left',
  ENFILE: 'this machine has no file descriptors left',
  EADDRNOTAVAIL: 'this machine has no local address or port left for it',
  ENOBUFS: 'this machine has no network buffers left',
  ENOMEM: 'this machine has no memory left',
  EAI_MEMORY: 'this machine has no memory left',
  EACCES: 'this machine does not permit it',
  EPERM: 'this machine does not permit it',
  ENETDOWN: 'the network of this machine is down',
};
/** Shortages. They say nothing about the address or file in question: with another one the error would be the same. */
const LACKS = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EAI_MEMORY']);
/** File descriptors that a lookup needs at a time. */
const LOOKUP_DESCRIPTORS = 3;

/** A fault on this side. */
export interface OwnFault {
  readonly code: string;
  /** For people. */
  readonly text: string;
  /** Whether something has run out. The error then says nothing about the address or file in question. */
  readonly isLack: boolean;
}

const errorCodeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
};

/** Whether the error is a fault on this side; null = it is the other side's. */
export function ownFaultOf(error: unknown): OwnFault | null {
  const code = errorCodeOf(error);
  const text = Object.hasOwn(OWN_FAULTS, code) ? OWN_FAULTS[code] : undefined;
  return text === undefined ? null : { code, text, isLack: LACKS.has(code) };
}

/** Which error of several addresses counts: a shortage, else one of the other side, else the first. */
export function decisiveOf(errors: readonly unknown[]): unknown {
  return (
    errors.find((error) => LACKS.has(errorCodeOf(error))) ??
    errors.find((error) => ownFaultOf(error) === null) ??
    errors[0]
  );
}

/** The error code that opening files gives now, if descriptors are missing; null = they are not. */
function missingDescriptors(): string | null {
  const opened: number[] = [];
  try {
    while (opened.length < LOOKUP_DESCRIPTORS) opened.push(openSync(devNull, 'r'));
    return null;
  } catch (error) {
    return ownFaultOf(error)?.code ?? null;
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
  }
}

/**
 * The error of a lookup, with its true cause. When descriptors are missing, a lookup fails with `EAI_AGAIN`, or as if the name did
 * not exist.
 */
export function lookupError(error: unknown): unknown {
  const { syscall, message } = (error ?? {}) as NodeJS.ErrnoException;
  const code = syscall === 'getaddrinfo' && ownFaultOf(error) === null ? missingDescriptors() : null;
  return code === null ? error : Object.assign(new Error(`${message}: ${code}`, { cause: error }), { code });
}
