import type { TaskState } from '@task-center/model';
import type { FinishOutcome } from '../../src/broker/consume.ts';
import type { CancelOutcome, ControlOutcome } from '../../src/broker/control.ts';
import { MIN_CANCELLED_MS } from '../../src/broker/control.ts';
import type { QueueTotals } from '../../src/broker/totals.ts';
import { LEASE_MS, LIMITS } from '../conformance/harness.ts';

/** A task as the model knows it. */
export interface ModelTask {
  readonly queue: string;
  readonly id: string;
  readonly retentionMs: number;
  state: TaskState;
  retried: number;
  crashes: number;
  deferrals: number;
  attempt: number;
  dueMs: number;
  leaseEndsMs: number;
  expiresMs: number;
  /** Somebody has asked to cancel it while it runs. */
  isCancelling: boolean;
}

interface ModelQueue {
  /** IDs in groups, next to run first. The order inside a group is not defined. */
  pending: string[][];
  paused: boolean;
  processed: number;
  failed: number;
  readonly totals: Record<keyof QueueTotals, number>;
}

export type HowToEnd = 'succeeded' | 'retry' | 'deferred' | 'archive' | 'requeue' | 'defer' | 'revoked';

/** What each end of an attempt adds to the totals. */
const COUNTED_AS: Readonly<Record<HowToEnd, readonly (keyof QueueTotals)[]>> = {
  succeeded: ['succeeded'],
  retry: ['failed', 'retried'],
  deferred: ['uncounted', 'retried'],
  archive: ['failed', 'archived'],
  requeue: ['deferred'],
  defer: ['deferred'],
  revoked: ['revoked'],
};

const zeroTotals = (): Record<keyof QueueTotals, number> => ({
  enqueued: 0,
  started: 0,
  succeeded: 0,
  failed: 0,
  uncounted: 0,
  revoked: 0,
  cancelledRunning: 0,
  deferred: 0,
  recovered: 0,
  unreadable: 0,
  retried: 0,
  archived: 0,
  cancelled: 0,
  quarantined: 0,
});

const keyOf = (queue: string, id: string) => `${queue} ${id}`;

/** Asserts that the broker made a choice that the model allows. */
function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`the broker and the model differ: ${what}`);
}

/** A minimal broker in memory, to compare the real ones with. A test moves its time by hand. */
export class Model {
  readonly tasks = new Map<string, ModelTask>();
  readonly #queues = new Map<string, ModelQueue>();
  nowMs: number;

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  queue(name: string): ModelQueue {
    const known = this.#queues.get(name);
    if (known) return known;
    const created = { pending: [], paused: false, processed: 0, failed: 0, totals: zeroTotals() };
    this.#queues.set(name, created);
    return created;
  }

  enqueue(task: { queue: string; id: string; delayMs: number; retentionMs: number }): string {
    const { queue, id, delayMs, retentionMs } = task;
    if (this.tasks.has(keyOf(queue, id))) return 'task-exists';
    const counts = { retried: 0, crashes: 0, deferrals: 0, attempt: 0, leaseEndsMs: 0, expiresMs: 0 };
    const isCancelling = false;
    this.#count(queue, 'enqueued');
    const state = delayMs > 0 ? 'scheduled' : 'pending';
    this.tasks.set(keyOf(queue, id), {
      queue,
      id,
      retentionMs,
      state,
      dueMs: this.nowMs + delayMs,
      ...counts,
      isCancelling,
    });
    if (state === 'pending') this.queue(queue).pending.push([id]);
    return state;
  }

  /** Takes the same tasks as the broker did, after checking that they were next. */
  take(queues: readonly string[], room: number, refs: readonly { queue: string; id: string }[]): void {
    const open = queues.filter((name) => !this.queue(name).paused);
    const waiting = open.reduce((sum, name) => sum + this.queue(name).pending.flat().length, 0);
    check(refs.length === Math.min(room, waiting), `took ${refs.length} of ${waiting} with room ${room}`);
    for (const { queue, id } of refs) {
      const next = open.find((name) => this.queue(name).pending.length > 0);
      check(next === queue, `took from ${queue} before ${next}`);
      const group = this.queue(queue).pending[0] ?? [];
      check(group.includes(id), `took ${id} of ${queue} before ${group.join(' ')}`);
      this.#drop(queue, id);
      this.#count(queue, 'started');
      const task = this.task(queue, id);
      task.state = 'active';
      task.attempt += 1;
      task.leaseEndsMs = this.nowMs + LEASE_MS;
    }
  }

  /** Ends an attempt that holds its lease. */
  end(queue: string, id: string, ending: { how: HowToEnd; delayMs: number }): FinishOutcome {
    const task = this.task(queue, id);
    if (task.isCancelling && ending.how !== 'succeeded') {
      this.#cancelRunning(task);
      return 'cancelled';
    }
    task.isCancelling = false;
    this.#endAs(task, ending);
    return 'accepted';
  }

  #endAs(task: ModelTask, { how, delayMs }: { how: HowToEnd; delayMs: number }): void {
    const { queue, id } = task;
    const home = this.queue(queue);
    this.#count(queue, ...COUNTED_AS[how]);
    if (how === 'requeue' || how === 'defer') {
      task.attempt -= 1;
      task.deferrals += 1;
      task.state = how === 'requeue' ? 'pending' : 'scheduled';
      if (how === 'defer') task.dueMs = this.nowMs + delayMs;
      return;
    }
    if (how !== 'deferred') home.processed += 1;
    if (how === 'retry' || how === 'archive') home.failed += 1;
    if (how === 'retry') task.retried += 1;
    if (how === 'archive') task.state = 'archived';
    if (how === 'retry' || how === 'deferred') {
      task.state = 'retry';
      task.dueMs = this.nowMs + delayMs;
    }
    if (how !== 'succeeded' && how !== 'revoked') return;
    if (how === 'revoked' || task.retentionMs === 0) return void this.tasks.delete(keyOf(queue, id));
    task.state = 'completed';
    task.expiresMs = this.nowMs + task.retentionMs;
  }

  /** Puts tasks at the front of a queue, in an order that the broker chooses. */
  putFirst(queue: string, ids: readonly string[]): void {
    if (ids.length > 0) this.queue(queue).pending.unshift([...ids]);
  }

  renew(queue: string, id: string): void {
    this.task(queue, id).leaseEndsMs = this.nowMs + LEASE_MS;
  }

  forward(queue: string): { moved: number; nextDueMs: number | null } {
    const waiting = this.tasksIn(queue, 'scheduled', 'retry').sort((a, b) => a.dueMs - b.dueMs);
    const due = waiting.filter(({ dueMs }) => dueMs <= this.nowMs);
    for (const dueMs of new Set(due.map((task) => task.dueMs))) {
      const group = due.filter((task) => task.dueMs === dueMs);
      for (const task of group) task.state = 'pending';
      this.queue(queue).pending.push(group.map(({ id }) => id));
    }
    return { moved: due.length, nextDueMs: waiting[due.length]?.dueMs ?? null };
  }

  recover(queue: string): { recovered: number; archived: number } {
    const lost = this.tasksIn(queue, 'active').filter(({ leaseEndsMs }) => leaseEndsMs <= this.nowMs);
    for (const task of lost) {
      task.crashes += 1;
      if (task.isCancelling) this.#cancelRunning(task);
      else task.state = task.crashes >= LIMITS.losses ? 'archived' : 'pending';
    }
    const recovered = lost.filter(({ state }) => state === 'pending').map(({ id }) => id);
    this.putFirst(queue, recovered);
    const archived = lost.filter(({ state }) => state === 'archived').length;
    this.queue(queue).processed += archived;
    this.queue(queue).failed += archived;
    for (const { state } of lost) {
      if (state === 'pending') this.#count(queue, 'recovered');
      if (state === 'archived') this.#count(queue, 'failed', 'archived');
    }
    return { recovered: recovered.length, archived };
  }

  expire(queue: string): number {
    const expired = this.tasksIn(queue, 'completed', 'cancelled').filter(
      ({ expiresMs }) => expiresMs <= this.nowMs,
    );
    for (const { id } of expired) this.tasks.delete(keyOf(queue, id));
    return expired.length;
  }

  cancel(queue: string, id: string): CancelOutcome {
    const task = this.tasks.get(keyOf(queue, id));
    if (!task) return { code: 'task-not-found' };
    const from = task.state;
    if (from === 'active') {
      task.isCancelling = true;
      return { code: 'requested' };
    }
    if (from !== 'scheduled' && from !== 'pending' && from !== 'retry') {
      return { code: 'wrong-state', state: from };
    }
    this.#drop(queue, id);
    this.#keepCancelled(task);
    return { code: 'done', from };
  }

  #keepCancelled(task: ModelTask): void {
    this.#count(task.queue, 'cancelled');
    task.state = 'cancelled';
    task.isCancelling = false;
    task.expiresMs = this.nowMs + Math.max(task.retentionMs, MIN_CANCELLED_MS);
  }

  /** The attempt of a task to be cancelled is over. */
  #cancelRunning(task: ModelTask): void {
    this.queue(task.queue).processed += 1;
    this.#count(task.queue, 'cancelledRunning');
    this.#keepCancelled(task);
  }

  /** An operator runs or archives a task. A request to cancel it goes with that. */
  change(action: 'run' | 'archive', queue: string, id: string): ControlOutcome {
    const task = this.tasks.get(keyOf(queue, id));
    if (!task) return { code: 'task-not-found' };
    const from = task.state;
    if (from === 'active' || from === (action === 'run' ? 'pending' : 'archived'))
      return { code: 'wrong-state', state: from };
    this.#drop(queue, id);
    task.state = action === 'run' ? 'pending' : 'archived';
    if (action === 'run') this.queue(queue).pending.push([id]);
    else this.#count(queue, 'archived');
    return { code: 'done', from };
  }

  remove(queue: string, id: string): ControlOutcome {
    const task = this.tasks.get(keyOf(queue, id));
    if (!task) return { code: 'task-not-found' };
    if (task.state === 'active') return { code: 'wrong-state', state: 'active' };
    this.#drop(queue, id);
    this.tasks.delete(keyOf(queue, id));
    return { code: 'done', from: task.state };
  }

  task(queue: string, id: string): ModelTask {
    const task = this.tasks.get(keyOf(queue, id));
    if (!task) throw new Error(`the broker and the model differ: there is no ${id} in ${queue}`);
    return task;
  }

  tasksIn(queue: string, ...states: readonly TaskState[]): ModelTask[] {
    return [...this.tasks.values()].filter((task) => task.queue === queue && states.includes(task.state));
  }

  #count(queue: string, ...names: readonly (keyof QueueTotals)[]): void {
    const { totals } = this.queue(queue);
    for (const name of names) totals[name] += 1;
  }

  #drop(queue: string, id: string): void {
    const home = this.queue(queue);
    home.pending = home.pending
      .map((group) => group.filter((other) => other !== id))
      .filter(({ length }) => length);
  }
}
