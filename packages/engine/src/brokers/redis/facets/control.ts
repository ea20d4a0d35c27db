// The control facet on Redis: what people do to queues and stored tasks. A script checks the task's state and changes it
// atomically: a worker that takes the task at the same time comes either before or after the change.
import { MAX_BATCH } from '../../../broker/bounds.ts';
import {
  MIN_CANCELLED_MS,
  type BulkOutcome,
  type BulkStep,
  type CancelOutcome,
  type Cancellation,
  type Control,
  type ControlOutcome,
} from '../../../broker/control.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import {
  cancel,
  changeMany,
  changeOne,
  type ChangeOneCall,
  dropQueue,
  type DropReply,
  pause,
  type PauseCall,
  updatePayload,
} from '../scripts/control/table.ts';
import { task } from '../scripts/inspect/table.ts';
import { SECOND_MS } from '../../../protocol/go-time.ts';
import { withPayload } from '../../../protocol/message.ts';
import { decodeMeta } from '../../../task/meta.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { acceptedReply } from '../calls/refusals.ts';
import { withReceipt } from '../calls/with-receipt.ts';
import { lockOf } from '../exchange/plan-finishes.ts';
import { messageOrNull, metaText } from '../records/stored-message.ts';

/** What a script needs to end a task. It is read from the message, which scripts cannot decode. */
interface FinishNeeds {
  /** How long the task stays once it has ended. */
  readonly retentionS: number;
  /** Key of its unique lock; '' = none. */
  readonly lock: string;
}

/** Compare-and-set attempts to replace a payload: another process may change the message between reading and writing. */
const MAX_ATTEMPTS = 10;

/**
 * Replaces a payload. All other fields stay byte for byte, even those that only newer programs know. This needs no receipt:
 * a repeat finds that the message has changed, reads it again, and writes the same payload again.
 */
async function replacePayload(
  { client }: RedisDeps,
  ref: TaskRef,
  payload: Uint8Array | null,
): Promise<ControlOutcome> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    const row = await client.run(task, ref);
    if (!row?.message) return { code: 'task-not-found' };
    const { message: before, meta } = row;
    if (!messageOrNull(before)) throw unreadableError(ref);
    const call = {
      task: ref,
      before,
      after: withPayload(before, payload),
      meta: metaText(decodeMeta(meta), payload),
    };
    const reply = await client.run(updatePayload, call);
    if (reply !== null) return acceptedReply(reply, ref.queue, client.name);
  }
  throw new TaskCenterError('broker-unavailable', {
    broker: client.name,
    outcome: 'not_stored',
    cause: `the task "${ref.id}" keeps changing while its payload is replaced`,
  });
}

const unreadableError = ({ queue, id }: TaskRef) =>
  new TaskCenterError('broker-corrupt', { queue, cause: `the message of the task "${id}" cannot be read` });

/**
 * Drops the queue's keys. This may take several calls, because one call removes at most 1,000 names of groups. Returns false
 * if the queue has tasks.
 */
async function tryDrop(client: RedisClient, queue: string): Promise<boolean> {
  let reply: DropReply = 'again';
  while (reply === 'again') reply = await client.run(dropQueue, queue);
  return reply === 'removed';
}

/** Drops an empty queue and removes it from Asynq's list of queues. Returns false if the queue has tasks. */
async function dropEmpty({ client, registration }: RedisDeps, queue: string): Promise<boolean> {
  if (!(await tryDrop(client, queue))) return false;
  await registration.remove(queue);
  // A client may just have stored a task and found the queue still registered: then it must be registered again.
  if (await tryDrop(client, queue)) return true;
  await registration.register(queue, {}, true);
  return false;
}

/** Neither value changes during a task's life, so it is safe to read them in a separate call. */
async function readFinishNeeds({ client }: RedisDeps, ref: TaskRef): Promise<FinishNeeds> {
  const row = await client.run(task, ref);
  const message = row?.message && messageOrNull(row.message)?.message;
  return message
    ? { retentionS: message.retention, lock: lockOf(ref.queue, message) }
    : { retentionS: 0, lock: '' };
}

/** Pauses or resumes a queue. Resolves with whether this changed anything. */
function setPaused(deps: RedisDeps, call: Omit<PauseCall, 'receipt'>): Promise<boolean> {
  const { client } = deps;
  return withReceipt(deps, call, async (receipt, left) =>
    acceptedReply(await client.run(pause, { ...call, receipt }, left), call.queue, client.name),
  );
}

/** Cancels a task, or asks for it. It is then kept for its retention, or for `MIN_CANCELLED_MS` if that is longer. */
async function cancelTask(
  deps: RedisDeps,
  ref: TaskRef,
  { reason, by }: Cancellation,
): Promise<CancelOutcome> {
  const { client } = deps;
  const { retentionS, lock } = await readFinishNeeds(deps, ref);
  const keepS = Math.max(retentionS, MIN_CANCELLED_MS / SECOND_MS);
  return withReceipt(deps, ref, async (receipt, left) => {
    const call = { task: ref, receipt, cancellationJson: JSON.stringify({ reason, by }), keepS, lock };
    return acceptedReply(await client.run(cancel, call, left), ref.queue, client.name);
  });
}

/** Runs, archives or removes one task. `lock`: the unique lock that `remove` releases; '' for the other actions. */
function changeTask(
  deps: RedisDeps,
  call: Pick<ChangeOneCall, 'task' | 'action' | 'lock'>,
): Promise<ControlOutcome> {
  const { client } = deps;
  const { queue } = call.task;
  return withReceipt(deps, { queue }, async (receipt, left) =>
    acceptedReply(await client.run(changeOne, { ...call, receipt }, left), queue, client.name),
  );
}

/** Changes the first tasks of a state, at most `MAX_BATCH`. */
function changeTasks(deps: RedisDeps, step: BulkStep): Promise<BulkOutcome> {
  const { client } = deps;
  const limit = Math.max(1, Math.min(step.limit, MAX_BATCH));
  return withReceipt(deps, step, async (receipt, left) => {
    const reply = await client.run(changeMany, { ...step, limit, receipt }, left);
    return acceptedReply(reply, step.queue, client.name);
  });
}

/**
 * What operators do to queues and tasks. A change has a receipt: if it gets no answer it is sent again, and still takes effect
 * only once. `updatePayload` and `dropQueue` have none, because a second run does no harm.
 */
export function createControl(deps: RedisDeps): Control {
  return {
    pause: (queue, reason) => setPaused(deps, { queue, paused: true, reason: reason ?? null }),
    resume: (queue) => setPaused(deps, { queue, paused: false, reason: null }),
    cancel: (ref, cancellation) => cancelTask(deps, ref, cancellation),
    run: (ref) => changeTask(deps, { task: ref, action: 'run', lock: '' }),
    archive: (ref) => changeTask(deps, { task: ref, action: 'archive', lock: '' }),
    async remove(ref) {
      const { lock } = await readFinishNeeds(deps, ref);
      return changeTask(deps, { task: ref, action: 'remove', lock });
    },
    updatePayload: (ref, payload) => replacePayload(deps, ref, payload),
    changeMany: (step) => changeTasks(deps, step),
    dropQueue: (queue) => dropEmpty(deps, queue),
  };
}
