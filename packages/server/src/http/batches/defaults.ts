/** The fields that the tasks of a batch share, and what they may make of its size. */
import { limits } from '@task-center/api';
import { ProblemError } from '../../problem.ts';
import { payloadBytes } from '../submission/payload.ts';

export type TaskFields = Readonly<Record<string, unknown>>;

/** Groups of alternative fields. A task that has one field of a group takes none of the group from the defaults. */
const ALTERNATIVES = [
  ['payload', 'payload_text', 'payload_base64', 'content_type'],
  ['delay', 'run_at'],
  ['queue', 'priority'],
  ['traceparent', 'trace_id'],
] as const;

/** A task with the defaults that it does not override. */
export function withDefaults<T extends TaskFields>(own: T, defaults: TaskFields): T {
  const applicable = { ...defaults };
  for (const group of ALTERNATIVES) {
    if (group.every((name) => own[name] === undefined)) continue;
    for (const name of group) delete applicable[name];
  }
  return { ...applicable, ...own };
}

/**
 * Refuses a batch whose defaults multiply its size: a body of some hundred kilobytes could make hundreds of megabytes of
 * tasks. Only payloads and callbacks can be large; all other defaults of a task have a few kilobytes. Returns the size.
 *
 * @throws ProblemError `too-large`
 */
export function checkTotalSize(tasks: readonly TaskFields[], defaults: TaskFields): number {
  const { callback } = defaults;
  const callbackBytes = callback === undefined ? 0 : Buffer.byteLength(JSON.stringify(callback));
  let got = 0;
  for (const own of tasks) {
    got += payloadBytes(withDefaults(own, defaults));
    if (own['callback'] === undefined) got += callbackBytes;
  }
  const limit = limits.batchPayloadBytes;
  if (got <= limit) return got;
  const detail = `The payloads of the batch have ${got} bytes, with those of its defaults in each task that takes them, and with the defaults' callback; at most ${limit} are allowed. Send it in parts.`;
  throw new ProblemError('too-large', detail, { extra: { limit, got } });
}
