import { TaskCenterError } from '../../../errors/task-center-error.ts';
import type { Runtime } from '../../../runtime/runtime.ts';
import type { Refusal } from '../scripts/reply.ts';

/** The error of a call that reached Redis as a late duplicate; its caller has its outcome already. */
export function staleCallError(broker: string): TaskCenterError {
  return new TaskCenterError('broker-unavailable', {
    broker,
    outcome: 'unknown',
    cause: 'the call arrived too late',
  });
}

/** Whether the script refused the call as a whole and changed nothing. */
export function isRefusal(reply: unknown): reply is Refusal {
  return typeof reply === 'object' && reply !== null && ('corrupt' in reply || 'stale' in reply);
}

/**
 * Returns the reply of a call to one queue unless it is a refusal.
 *
 * @throws TaskCenterError `broker-corrupt`, `broker-unavailable`
 */
export function acceptedReply<R>(reply: R | Refusal, queue: string, broker: string): R {
  if (!isRefusal(reply)) return reply;
  if ('stale' in reply) throw staleCallError(broker);
  throw new TaskCenterError('broker-corrupt', { queue, cause: wrongTypeText(reply.corrupt) });
}

/** The cause of a refusal over a key of a wrong type. */
export function wrongTypeText(key: string): string {
  return `the key ${key} has a wrong type`;
}

/** Logs that a key has a wrong type, at most once a minute for each key: loops meet the same key again and again. */
export type ReportWrongType = (queue: string, key: string) => void;

/** Pause between two reports of one key. */
const QUIET_MS = 60_000;
/** Reported keys that are remembered; beyond this all are forgotten. */
const MAX_KEYS = 1_000;

export function createReportWrongType({ log, clock }: Runtime): ReportWrongType {
  const reportedMs = new Map<string, number>();
  return (queue, key) => {
    const now = clock.monotonicMs();
    if (now - (reportedMs.get(key) ?? -Infinity) < QUIET_MS) return;
    if (reportedMs.size >= MAX_KEYS) reportedMs.clear();
    reportedMs.set(key, now);
    log.warn({ queue, key }, 'a key of the queue has a wrong type; the queue is not served');
  };
}
