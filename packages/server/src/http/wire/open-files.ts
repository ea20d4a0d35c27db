/** How many connections the limit of open files leaves to HTTP. */
import { readFileSync } from 'node:fs';
import type { Log } from '@task-center/engine';
import type { Config } from '../../config/config.ts';

/** Files kept for connections to the broker, and for all else: threads, the database, files that are open for a moment. */
const BROKER_FILES = 64;
const OTHER_FILES = 64;
/** With fewer connections HTTP is of no use. */
const MIN_CONNECTIONS = 16;

/**
 * The number of files that this process may have open; null = no limit, or a system that does not tell. Node itself raises it to
 * what the system allows.
 */
export function readFileLimit(): number | null {
  try {
    const [, soft] = /^Max open files\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined || soft === 'unlimited' ? null : Number(soft);
  } catch {
    return null;
  }
}

/**
 * `http.max_connections`, or less where the limit of open files leaves no more beside callbacks and broker: without files the
 * service could neither answer nor deliver.
 *
 * @param fileLimit null = no limit
 */
export function connectionBound(
  { http, callbacks, roles }: Pick<Config, 'http' | 'callbacks' | 'roles'>,
  fileLimit: number | null,
  log: Log,
): number {
  if (fileLimit === null) return http.maxConnections;
  // Used and idle connections together are few more than `callbacks.concurrency`, but each may try several addresses at once.
  const callbackFiles = roles.includes('worker') ? 2 * callbacks.concurrency : 0;
  const room = fileLimit - callbackFiles - BROKER_FILES - OTHER_FILES;
  const bound = Math.min(http.maxConnections, Math.max(room, MIN_CONNECTIONS));
  const fields = { max_connections: bound, open_files: fileLimit, for_callbacks: callbackFiles };
  if (room < MIN_CONNECTIONS)
    log.warn(fields, 'the limit of open files is too low for callbacks.concurrency: raise it (ulimit -n)');
  else if (bound < http.maxConnections)
    log.info(fields, 'the limit of open files allows fewer connections than http.max_connections');
  return bound;
}
