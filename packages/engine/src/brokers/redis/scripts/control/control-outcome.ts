import type { TaskState } from '@task-center/model';
import type { ControlOutcome } from '../../../../broker/control.ts';
import { refusalIn, textOf, type Refusal } from '../reply.ts';

/** Parses `done:<state before>`, `state:<state>` (the change is not possible in it) or `none` (no such task). */
export function controlOutcome(raw: unknown): ControlOutcome | Refusal {
  const refusal = refusalIn(raw);
  if (refusal) return refusal;
  const [code, state] = textOf(raw).split(':') as [string, TaskState];
  if (code === 'done') return { code: 'done', from: state };
  return code === 'state' ? { code: 'wrong-state', state } : { code: 'task-not-found' };
}
