import type { Finish, GivenBack, LeasedTask } from '../broker/consume.ts';
import type { LeaseLossCause } from '../runtime/events.ts';
import type { Slot } from '../leases/lease-memory.ts';
import type { TrackedLease } from '../leases/lease-table.ts';
import type { Attempt } from './run/attempt.ts';

/**
 * A task that this worker holds, from its arrival until the broker has answered its finish. It is the only record of the
 * task, and is passed from step to step:
 *
 *     waiting ──► running ──► ending ──► gone
 *        │                      ▲
 *        └─ it is given back ───┘          Its lease may be lost at any time: then it is gone as well.
 *
 * Only tasks that must run alone wait for longer than their arrival.
 */
export class HeldTask implements TrackedLease {
  readonly task: LeasedTask;
  slot: Slot | undefined;
  generation = 0;
  position = -1;
  /** While it runs. */
  attempt: Attempt | undefined;
  /** When its attempt must end, monotonic; Infinity while none runs. */
  endsMs = Infinity;
  /** What to hand in, once that is decided. */
  finish: Finish | undefined;
  /** What made its attempt fail. */
  thrown: unknown;
  /** Why its lease is lost, once it is. */
  lossCause: LeaseLossCause = 'refused';
  /** Asynq's cancel message came while it waited. */
  isCancelled = false;
  /** It goes back to the broker because it must not start here: there is no attempt to report. */
  isUnstarted = false;

  constructor(task: LeasedTask) {
    this.task = task;
  }

  get isWaiting(): boolean {
    return this.slot !== undefined && this.attempt === undefined && this.finish === undefined;
  }

  /** Obeys Asynq's cancel message. Its attempt ends now, or as soon as it has begun. */
  cancel(): void {
    if (this.attempt) this.attempt.abort('cancelled');
    else this.isCancelled = this.isWaiting;
  }

  /** Decides that it goes back to the broker, by default as the next to run. */
  giveBack(finish: GivenBack = { outcome: 'requeue', task: this.task }): void {
    this.finish = finish;
  }
}

/** A task that goes back at once: it never waits for a slot, and its lease is not renewed. */
export function unstartedTask(task: LeasedTask): HeldTask {
  const held = new HeldTask(task);
  held.isUnstarted = true;
  held.giveBack();
  return held;
}
