import { SHORTEST_CANCELLED_MS, type Control } from '../../../broker/control.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import type { RedisParts } from '../parts.ts';
import { cancel } from '../scripts/cancel.ts';
import { pause } from '../scripts/pause.ts';
import { remove } from '../scripts/remove.ts';
import { task } from '../scripts/task.ts';
import { accepted, withReceipt } from './outcomes.ts';
import { lockOf } from './turn-finishes.ts';
import { decoded } from './turn-tasks.ts';

/** What a script cannot read from a message. */
interface Fixed {
  readonly retentionS: number;
  /** '' = none. */
  readonly lock: string;
}

export function createControl(parts: RedisParts): Control {
  const { connection } = parts;

  /** Neither ever changes during a task's life, so they may be read before. */
  async function fixedParts(ref: TaskRef): Promise<Fixed> {
    const row = await connection.run(task, ref);
    const message = row?.message && decoded(row.message)?.message;
    return message
      ? { retentionS: message.retention, lock: lockOf(ref.queue, message) }
      : { retentionS: 0, lock: '' };
  }

  function setPaused(queue: string, paused: boolean, reason: string | null): Promise<boolean> {
    return withReceipt(parts, { queue }, async (receipt, left) =>
      accepted(await connection.run(pause, { queue, receipt, paused, reason }, left), queue, connection.name),
    );
  }

  return {
    pause: (queue, reason) => setPaused(queue, true, reason ?? null),
    resume: (queue) => setPaused(queue, false, null),
    async cancel(ref, note) {
      const { retentionS, lock } = await fixedParts(ref);
      const keepS = Math.max(retentionS, SHORTEST_CANCELLED_MS / 1_000);
      const { reason, by } = note;
      return withReceipt(parts, ref, async (receipt, left) => {
        const call = { task: ref, receipt, note: JSON.stringify({ reason, by }), keepS, lock };
        return accepted(await connection.run(cancel, call, left), ref.queue, connection.name);
      });
    },
    async remove(ref) {
      const { lock } = await fixedParts(ref);
      return withReceipt(parts, ref, async (receipt, left) =>
        accepted(
          await connection.run(remove, { task: ref, receipt, lock }, left),
          ref.queue,
          connection.name,
        ),
      );
    },
  };
}
