// The control facet on the main thread: pauses, cancellations and changes of stored tasks as requests of the writer thread.
import { MAX_BATCH } from '../../../../broker/bounds.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import type { TaskAction, Control, ControlOutcome } from '../../../../broker/control.ts';
import type { ControlReply } from '../../thread/facets/control.ts';
import { plain, type Packet } from '../../packing.ts';
import { numberOfState, STATES } from '../../states.ts';
import type { Writer } from '../writer.ts';

/** Tells a task that does not exist from one whose state does not allow the change. */
function outcomeOf({ data: { done, state } }: Packet<ControlReply>): ControlOutcome {
  if (state === null) return { code: 'task-not-found' };
  return done ? { code: 'done', from: STATES[state] } : { code: 'wrong-state', state: STATES[state] };
}

export function createControl(writer: Writer): Control {
  async function change({ queue, id }: TaskRef, action: TaskAction): Promise<ControlOutcome> {
    return outcomeOf(await writer.run('change', plain({ queue, id, action })));
  }

  return {
    pause: async (queue, reason) =>
      (await writer.run('pause', plain({ queue, reason: reason ?? null }))).data,
    resume: async (queue) => (await writer.run('resume', plain({ queue }))).data,
    cancel: async ({ queue, id }, cancellation) =>
      outcomeOf(await writer.run('cancel', plain({ queue, id, cancellation }))),
    run: (ref) => change(ref, 'run'),
    archive: (ref) => change(ref, 'archive'),
    remove: (ref) => change(ref, 'remove'),
    async updatePayload({ queue, id }, payload) {
      return outcomeOf(await writer.run('updatePayload', { data: { queue, id }, bytes: [payload] }));
    },
    // One call is one step, so a large change does not keep other calls waiting.
    async changeMany({ queue, action, state, group, limit }) {
      const step = {
        queue,
        action,
        state: numberOfState(state),
        group: group ?? null,
        limit: Math.max(1, Math.min(limit, MAX_BATCH)),
      };
      return (await writer.run('changeMany', plain(step))).data;
    },
    dropQueue: async (queue) => (await writer.run('dropQueue', plain({ queue }))).data,
  };
}
