import { createHash } from 'node:crypto';
import type { ControlOutcome } from '../../../../broker/control.ts';
import { taskKey } from '../../../../protocol/keys.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import { defineScript } from '../../client/script.ts';
import { controlOutcome } from './control-outcome.ts';
import { lua } from '../lua.generated.ts';
import { textOf, type Refusal } from '../reply.ts';

export interface UpdatePayloadCall {
  readonly task: TaskRef;
  /** The message that was read. */
  readonly before: Buffer;
  readonly after: Buffer;
  /** '' = none. */
  readonly meta: string;
}

export const updatePayload = defineScript({
  name: 'update-payload',
  lua: lua.updatePayload,
  keys: ({ task }: UpdatePayloadCall) => [taskKey(task.queue, task.id)],
  args: ({ before, after, meta }) => [createHash('sha1').update(before).digest('hex'), after, meta],
  /** Null = the message has changed since it was read. */
  reply: (raw): ControlOutcome | Refusal | null => (textOf(raw) === 'changed' ? null : controlOutcome(raw)),
});
