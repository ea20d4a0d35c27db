import type { Control, ControlOutcome } from '../../../broker/control.ts';
import type { ControlReply } from '../operations/control.ts';
import { plain, type Packet } from '../packing.ts';
import { STATES } from '../states.ts';
import type { Writer } from '../writer.ts';

function outcome({ data: { done, state } }: Packet<ControlReply>): ControlOutcome {
  if (state === null) return { code: 'task-not-found' };
  return done ? { code: 'done', from: STATES[state] } : { code: 'wrong-state', state: STATES[state] };
}

export function createControl(writer: Writer): Control {
  return {
    pause: async (queue, reason) =>
      (await writer.run('pause', plain({ queue, reason: reason ?? null }))).data,
    resume: async (queue) => (await writer.run('resume', plain({ queue }))).data,
    cancel: async ({ queue, id }, note) => outcome(await writer.run('cancel', plain({ queue, id, note }))),
    remove: async ({ queue, id }) => outcome(await writer.run('remove', plain({ queue, id }))),
  };
}
