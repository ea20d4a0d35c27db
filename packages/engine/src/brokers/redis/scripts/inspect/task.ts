import { pendingKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { parseTaskRow, type RawRow, type TaskRow } from './task-row.ts';

/** Reads one task; null = no such task. */
export const task = defineScript({
  name: 'task',
  lua: lua.task,
  keys: ({ queue }: TaskRef) => [pendingKey(queue)],
  args: ({ id }) => [id],
  reply: (raw): TaskRow | null => (raw === null ? null : parseTaskRow(raw as RawRow)),
});
