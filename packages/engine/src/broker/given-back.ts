import type { TaskState } from '@task-center/model';
import type { Finish, GivenBack } from './consume.ts';

/**
 * The ends of an attempt that do not count: neither as an attempt, nor as a failure or a crash. Workers, brokers and
 * callbacks go by this list: docs/design/engine.md#ends-that-do-not-count.
 */
const GIVEN_BACK: Readonly<Record<GivenBack['outcome'], true>> = { requeue: true, defer: true };

export const isGivenBack = (finish: Finish): finish is GivenBack => finish.outcome in GIVEN_BACK;

/**
 * What a deferred task waits for, as long as it waits. A Go worker leaves the stored text as it is when it takes the task, so
 * the text says nothing in other states.
 */
export const waitOf = (state: TaskState, stored: string | null): string | null =>
  state === 'scheduled' || state === 'pending' ? stored : null;
