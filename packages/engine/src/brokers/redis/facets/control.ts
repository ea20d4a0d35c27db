import {
  MIN_CANCELLED_MS,
  type TaskAction,
  type Control,
  type ControlOutcome,
} from '../../../broker/control.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { changeMany } from '../scripts/control/change-many.ts';
import { changeOne } from '../scripts/control/change-one.ts';
import { cancel } from '../scripts/control/cancel.ts';
import { dropQueue, type DropReply } from '../scripts/control/drop-queue.ts';
import { pause } from '../scripts/control/pause.ts';
import { task } from '../scripts/inspect/task.ts';
import { updatePayload } from '../scripts/control/update-payload.ts';
import { QUEUES_KEY } from '../../../protocol/keys.ts';
import { withPayload } from '../../../protocol/message.ts';
import { decodeMeta } from '../../../task/meta.ts';
import { metaText } from '../records/stored-meta.ts';
import { TaskCenterError } from '../../../errors/task-center-error.ts';
import { acceptedReply, withReceipt } from '../calls/refusals.ts';
import { lockOf } from '../exchange/plan-finishes.ts';
import { decoded } from '../exchange/leased-tasks.ts';

/** What a script cannot read from a message. */
interface Fixed {
  readonly retentionS: number;
  /** '' = none. */
  readonly lock: string;
}

const MAX_BATCH = 256;
/** Somebody else may change the message between our looking and our writing. */
const MAX_ATTEMPTS = 10;

/** Everything but the payload stays, byte for byte: also fields that only newer programs know. */
async function newPayload(
  { client }: RedisDeps,
  ref: TaskRef,
  payload: Uint8Array | null,
): Promise<ControlOutcome> {
  for (let tries = 0; tries < MAX_ATTEMPTS; tries += 1) {
    const row = await client.run(task, ref);
    if (!row?.message) return { code: 'task-not-found' };
    const { message: before, meta } = row;
    if (!decoded(before)) throw unreadable(ref);
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
    cause: `the task "${ref.id}" is changed all the time`,
  });
}

const unreadable = ({ queue, id }: TaskRef) =>
  new TaskCenterError('broker-corrupt', { queue, cause: `the message of the task "${id}" cannot be read` });

async function dropped(connection: RedisClient, queue: string): Promise<boolean> {
  let reply: DropReply = 'again';
  while (reply === 'again') reply = await connection.run(dropQueue, queue);
  return reply === 'removed';
}

async function dropEmpty(connection: RedisClient, queue: string): Promise<boolean> {
  if (!(await dropped(connection, queue))) return false;
  await connection.command(['SREM', QUEUES_KEY, queue]);
  // Who stored a task meanwhile may have found its queue registered still.
  if (await dropped(connection, queue)) return true;
  await connection.command(['SADD', QUEUES_KEY, queue]);
  return false;
}

export function createControl(deps: RedisDeps): Control {
  const { client } = deps;

  /** Neither ever changes during a task's life, so they may be read before. */
  async function fixedParts(ref: TaskRef): Promise<Fixed> {
    const row = await client.run(task, ref);
    const message = row?.message && decoded(row.message)?.message;
    return message
      ? { retentionS: message.retention, lock: lockOf(ref.queue, message) }
      : { retentionS: 0, lock: '' };
  }

  function setPaused(queue: string, paused: boolean, reason: string | null): Promise<boolean> {
    return withReceipt(deps, { queue }, async (receipt, left) =>
      acceptedReply(await client.run(pause, { queue, receipt, paused, reason }, left), queue, client.name),
    );
  }

  function one(ref: TaskRef, action: TaskAction, lock: string): Promise<ControlOutcome> {
    return withReceipt(deps, ref, async (receipt, left) =>
      acceptedReply(
        await client.run(changeOne, { task: ref, receipt, action, lock }, left),
        ref.queue,
        client.name,
      ),
    );
  }

  return {
    pause: (queue, reason) => setPaused(queue, true, reason ?? null),
    resume: (queue) => setPaused(queue, false, null),
    async cancel(ref, note) {
      const { retentionS, lock } = await fixedParts(ref);
      const keepS = Math.max(retentionS, MIN_CANCELLED_MS / 1_000);
      const { reason, by } = note;
      return withReceipt(deps, ref, async (receipt, left) => {
        const call = { task: ref, receipt, note: JSON.stringify({ reason, by }), keepS, lock };
        return acceptedReply(await client.run(cancel, call, left), ref.queue, client.name);
      });
    },
    run: (ref) => one(ref, 'run', ''),
    archive: (ref) => one(ref, 'archive', ''),
    remove: async (ref) => one(ref, 'remove', (await fixedParts(ref)).lock),
    updatePayload: (ref, payload) => newPayload(deps, ref, payload),
    changeMany: (step) =>
      withReceipt(deps, step, async (receipt, left) => {
        const limit = Math.max(1, Math.min(step.limit, MAX_BATCH));
        const reply = await client.run(changeMany, { ...step, limit, receipt }, left);
        return acceptedReply(reply, step.queue, client.name);
      }),
    dropQueue: (queue) => dropEmpty(client, queue),
  };
}
