import { pendingKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { defineScript } from '../../client/script.ts';
import { lua } from '../lua.generated.ts';
import { rowOf, type RawRow, type TaskRow } from './task-row.ts';

export const task = defineScript({
  name: 'task',
  lua: lua.task,
  keys: ({ queue }: TaskRef) => [pendingKey(queue)],
  args: ({ id }) => [id],
  reply: (raw): TaskRow | null => (raw === null ? null : rowOf(raw as RawRow)),
});
