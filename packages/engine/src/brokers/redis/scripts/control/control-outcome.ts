import type { ControlOutcome } from '../../../../broker/control.ts';
import type { TaskState } from '../../../../task/state.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';

/** The outcome in `done:<state>`, `state:<state>` or `none`. */
export function controlOutcome(raw: unknown): ControlOutcome | Refusal {
  const refusal = refusalIn(raw);
  if (refusal) return refusal;
  const [word, state] = textOf(raw).split(':') as [string, TaskState];
  if (word === 'done') return { code: 'done', from: state };
  return word === 'state' ? { code: 'wrong-state', state } : { code: 'task-not-found' };
}
