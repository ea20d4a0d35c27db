// The tasks whose ends the main thread waits for. Runs in the writer thread.
import type { TaskRef } from '../../../runtime/events.ts';
import { ARCHIVED, CANCELLED, COMPLETED, type StateNumber } from '../states.ts';

/** Whether a task has ended; null = it was removed. */
export const isEnd = (state: StateNumber | null): boolean =>
  state === null || state === COMPLETED || state === CANCELLED || state === ARCHIVED;

/** Every change of a state is reported to it. While nobody waits that costs one comparison. */
export class AwaitedTasks {
  readonly #bySeq = new Map<number, TaskRef>();
  #ended: TaskRef[] = [];

  add(seq: number, task: TaskRef): void {
    this.#bySeq.set(seq, task);
  }

  remove(seq: number): void {
    this.#bySeq.delete(seq);
  }

  /** The task in row `seq` changes to this state; null = it is removed. */
  recordMove(seq: number, to: StateNumber | null): void {
    if (this.#bySeq.size === 0 || !isEnd(to)) return;
    const task = this.#bySeq.get(seq);
    if (!task) return;
    this.#bySeq.delete(seq);
    this.#ended.push(task);
  }

  /** The awaited tasks that have ended since the last call. After a rollback some may go on: their callers look again. */
  takeEnded(): TaskRef[] {
    const ended = this.#ended;
    if (ended.length > 0) this.#ended = [];
    return ended;
  }
}
