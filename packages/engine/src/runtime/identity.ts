import { hostname } from 'node:os';
import type { Runtime } from './runtime.ts';

/** Identifies a worker, or another one of those who share a broker. */
export interface Identity {
  /** A UUID. */
  readonly id: string;
  /** The machine's host name. */
  readonly host: string;
  readonly pid: number;
  /** `host:pid:random`, in characters that brokers accept. */
  readonly name: string;
}

export function newIdentity({ newId }: Runtime): Identity {
  const id = newId();
  // Asynq's fallback.
  const host = hostname() || 'unknown-host';
  const safeHost = host.replaceAll(/[^A-Za-z0-9_.-]/g, '-').slice(0, 60);
  // A UUID of version 7 begins with the time: only its end is random.
  return { id, host, pid: process.pid, name: `${safeHost}:${process.pid}:${id.slice(-8)}` };
}
