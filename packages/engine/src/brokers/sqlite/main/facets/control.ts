import type { TaskRef } from '../../../../runtime/events.ts';
import type { TaskAction, Control, ControlOutcome } from '../../../../broker/control.ts';
import type { ControlReply } from '../../thread/facets/control.ts';
import { plain, type Packet } from '../../packing.ts';
import { STATES, type StateNumber } from '../../states.ts';
import type { Writer } from '../writer.ts';

function outcome({ data: { done, state } }: Packet<ControlReply>): ControlOutcome {
  if (state === null) return { code: 'task-not-found' };
  return done ? { code: 'done', from: STATES[state] } : { code: 'wrong-state', state: STATES[state] };
}

const MAX_BATCH = 256;

export function createControl(writer: Writer): Control {
  async function act({ queue, id }: TaskRef, action: TaskAction): Promise<ControlOutcome> {
    return outcome(await writer.run('act', plain({ queue, id, action })));
  }

  return {
    pause: async (queue, reason) =>
      (await writer.run('pause', plain({ queue, reason: reason ?? null }))).data,
    resume: async (queue) => (await writer.run('resume', plain({ queue }))).data,
    cancel: async ({ queue, id }, note) => outcome(await writer.run('cancel', plain({ queue, id, note }))),
    run: (ref) => act(ref, 'run'),
    archive: (ref) => act(ref, 'archive'),
    remove: (ref) => act(ref, 'remove'),
    async updatePayload({ queue, id }, payload) {
      return outcome(await writer.run('updatePayload', { data: { queue, id }, bytes: [payload] }));
    },
    async changeMany({ queue, action, state, group, limit }) {
      const most = Math.max(1, Math.min(limit, MAX_BATCH));
      const call = { queue, action, state: STATES.indexOf(state) as StateNumber, group: group ?? null };
      return (await writer.run('actMany', plain({ ...call, limit: most }))).data;
    },
    dropQueue: async (queue) => (await writer.run('dropQueue', plain({ queue }))).data,
  };
}
