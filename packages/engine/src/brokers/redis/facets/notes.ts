// Notes of attempts on Redis: progress and log lines are fields of the task's hash, where Go's DEL removes them with the task
// (ADR 31).
import type { AttemptNotes, Consume } from '../../../broker/consume.ts';
import { taskKey } from '../../../protocol/keys.ts';
import type { TaskRef } from '../../../runtime/events.ts';
import { decodeLines, type TaskLog } from '../../../task/task-notes.ts';
import { askInBatches, type BatchRules } from '../calls/batches.ts';
import type { RedisClient } from '../client/redis-client.ts';
import type { RedisDeps } from '../deps.ts';
import { keepNotes } from '../scripts/consume/table.ts';

/** What a note with lines counts besides its own bytes: the script reads and writes the whole log of its task. */
const LOG_BYTES = 32_768;

/** Stores notes. They need no receipt: a repeat after a lost reply may append lines twice, and people read these. */
export function createKeepNotes({ client }: RedisDeps): Consume['keepNotes'] {
  const bytesOf = ({ progress, lines }: AttemptNotes) =>
    lines.reduce((sum, line) => sum + line.length, progress?.length ?? 0);
  const rules: BatchRules<AttemptNotes> = {
    queueOf: ({ task }) => task.queue,
    sizeOf: (notes) => bytesOf(notes) + (notes.lines.length > 0 ? LOG_BYTES : 0),
  };
  return (all) =>
    askInBatches(all, rules, (queue, batch) => {
      const notes = batch.map(({ task: { id, token }, progress, ...lines }) => ({
        id,
        token,
        progress: progress ?? '',
        ...lines,
      }));
      return client.run(keepNotes, { queue, notes });
    });
}

/** A task's log, as the script `keep-notes` writes it. One that is damaged counts as empty. */
export async function readLog(client: RedisClient, { queue, id }: TaskRef): Promise<TaskLog | null> {
  const reply = await client.command(['HMGET', taskKey(queue, id), 'msg', 'tc:l']);
  const [message, stored] = reply as readonly (Buffer | null)[];
  if (message === null) return null;
  const [header = '', ...lines] = String(stored ?? '').split('\n');
  const [, dropped] = /^(\d{1,15});\d{1,15}$/.exec(header) ?? [];
  return dropped === undefined
    ? { lines: [], dropped: 0 }
    : { lines: decodeLines(lines), dropped: Number(dropped) };
}
