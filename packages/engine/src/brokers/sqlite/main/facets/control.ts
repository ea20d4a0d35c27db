// The control facet on the main thread: pauses, cancellations and changes of stored tasks as requests of the writer thread.
import { MAX_BATCH } from '../../../../broker/bounds.ts';
import type { TaskRef } from '../../../../runtime/events.ts';
import type { TaskAction, Control, ControlOutcome } from '../../../../broker/control.ts';
import type { ControlAnswer } from '../../thread/facets/control.ts';
import { numberOfState, STATES } from '../../states.ts';
import type { StoreCalls } from '../../thread/requests.ts';

/** Tells a task that does not exist from one whose state does not allow the change. */
function outcomeOf({ done, state }: ControlAnswer): ControlOutcome {
  if (state === null) return { code: 'task-not-found' };
  return done ? { code: 'done', from: STATES[state] } : { code: 'wrong-state', state: STATES[state] };
}

/** Each method is one request: the thread finds the task, checks its state and changes it in one transaction. */
export function createControl(writer: StoreCalls): Control {
  async function change({ queue, id }: TaskRef, action: TaskAction): Promise<ControlOutcome> {
    return outcomeOf(await writer.ask('change', { queue, id, action }));
  }

  return {
    pause: (queue, reason) => writer.ask('pause', { queue, reason: reason ?? null }),
    resume: (queue) => writer.ask('resume', { queue }),
    async cancel({ queue, id }, cancellation) {
      const answer = await writer.ask('cancel', { queue, id, cancellation });
      return answer.requested ? { code: 'requested' } : outcomeOf(answer);
    },
    run: (ref) => change(ref, 'run'),
    archive: (ref) => change(ref, 'archive'),
    remove: (ref) => change(ref, 'remove'),
    // The payload travels as bytes beside the data.
    async updatePayload({ queue, id }, payload) {
      return outcomeOf((await writer.run('updatePayload', { data: { queue, id }, bytes: [payload] })).data);
    },
    // The request has states as the numbers that the file stores.
    // One call is one step, so a large change does not keep other calls waiting.
    changeMany: ({ queue, action, state, group, limit }) =>
      writer.ask('changeMany', {
        queue,
        action,
        state: numberOfState(state),
        group: group ?? null,
        limit: Math.max(1, Math.min(limit, MAX_BATCH)),
      }),
    dropQueue: (queue) => writer.ask('dropQueue', { queue }),
  };
}
