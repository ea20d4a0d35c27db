import { hostname } from 'node:os';
import type { Runtime } from '../runtime/runtime.ts';

/** Who a worker is. */
export interface Identity {
  /** A UUID. */
  readonly id: string;
  /** As the system has it. */
  readonly host: string;
  readonly pid: number;
  /** `host:pid:random`, in the letters that brokers accept. */
  readonly name: string;
}

export function newIdentity({ newId }: Runtime): Identity {
  const id = newId();
  // As Asynq's (protocol 1.8).
  const host = hostname() || 'unknown-host';
  const letters = host.replaceAll(/[^A-Za-z0-9_.-]/g, '-').slice(0, 60);
  // It begins with the time.
  return { id, host, pid: process.pid, name: `${letters}:${process.pid}:${id.slice(-8)}` };
}
