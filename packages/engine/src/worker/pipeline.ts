import type { Broker } from '../broker/broker.ts';
import type { Events } from '../runtime/events.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { Demand } from './fetch/demand.ts';
import { ExchangeLoop } from './fetch/exchange-loop.ts';
import type { QueueOrder } from './fetch/queue-order.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { WorkerSettings } from './options.ts';
import type { AttemptRules } from './run/attempt-rules.ts';
import { createDeadlines } from './run/deadlines.ts';
import type { Handlers } from './run/handlers.ts';
import { NoteKeeper } from './run/note-keeper.ts';
import { ResultEncoder } from './run/results.ts';
import { MissingHandlers } from './run/missing-handlers.ts';
import { Runner } from './run/runner.ts';
import type { WorkerEvents } from './worker-events.ts';
import { TaskSlots } from './slots.ts';

// One task through a worker:
//
// 1. ExchangeLoop takes it from the broker with a lease, in the same call that hands in what ended before. Demand says how
//    many tasks to ask for, and Idle waits when there are none.
// 2. TaskSlots keeps its record, a HeldTask. From now on the renewer thread renews its lease, even while a handler blocks the
//    event loop.
// 3. A task without a handler is given back for others (MissingHandlers). CrashIsolation holds a task back that is suspected of
//    killing its process; otherwise Runner starts it at once.
// 4. Attempt runs its handler. Deadlines ends the attempt at its time limit, and a lost lease, the worker's stop or Asynq's
//    cancel message ends it earlier: the handler's signal aborts, and the attempt does not wait for the handler. If the task
//    must be cancelled, the signal aborts as well, but the attempt waits.
// 5. Attempt decides the outcome, a Finish: succeeded, retry, archive, revoked, or one that does not count. With its lease
//    lost there is none.
// 6. ExchangeLoop hands the Finish in with its next call, and asks for a new task for the free slot.
// 7. Only when the broker has answered is the lease released, and `attempt.finished` emitted.

export interface PipelineDeps {
  readonly broker: Broker;
  readonly runtime: Runtime;
  /** The worker's name. */
  readonly worker: string;
  readonly settings: WorkerSettings;
  readonly rules: AttemptRules;
  readonly handlers: Handlers;
  readonly listeners: Events<WorkerEvents>;
  /** The current queues to take tasks from. */
  order(): QueueOrder;
}

/** The way of a task through a worker, from the broker to its handler and back. */
export interface Pipeline {
  readonly slots: TaskSlots;
  readonly demand: Demand;
  readonly exchanges: ExchangeLoop;
  readonly runner: Runner;
  start(): void;
  /** Gives up what is still under way. Tasks that were not handed in are recovered when their lease expires. */
  end(): Promise<void>;
}

export function createPipeline(deps: PipelineDeps): Pipeline {
  const { broker, runtime, settings } = deps;
  const { admission, concurrency, lease } = settings;
  const leasing = { broker, runtime, settings: lease, concurrency };
  const keeper = new LeaseKeeper({
    ...leasing,
    onLost: (held) => runner.onLeaseLost(held),
    onCaughtUp: () => exchanges.wake(),
  });
  const slots = new TaskSlots(keeper);
  const mayTake = () => keeper.keepsUp && !runner.isIsolating;
  const missing = new MissingHandlers(runtime, deps.rules.failsWithoutHandler);
  const wanted = { clock: runtime.clock, concurrency, taken: () => slots.taken, mayTake, admission };
  const demand = new Demand(wanted);
  const exchanges: ExchangeLoop = new ExchangeLoop({
    ...deps,
    demand,
    leaseMs: lease.leaseMs,
    leave: () => missing.leave(),
    onTasks: (tasks, sinceMs) => runner.startAll(tasks, sinceMs),
    onFetched: (count) => admission?.onFetched(count > 0),
    onAnswered: (held, outcome) => runner.onAnswered(held, outcome),
  });
  const deadlines = createDeadlines(() => slots.all(), runtime);
  const { consume, inspect, signals } = broker;
  const notes = new NoteKeeper(consume, runtime);
  admission?.attach(() => exchanges.exchangeSoon());
  const own = { consume, inspect, slots, deadlines, exchanges, missing, admission, notes };
  const runner: Runner = new Runner({ ...deps, ...own, results: new ResultEncoder(runtime) });
  const listening = new AbortController();

  return {
    slots,
    demand,
    exchanges,
    runner,
    start() {
      keeper.start();
      deadlines.start();
      void signals.onCancelled((id) => runner.cancel(id), listening.signal);
      exchanges.start();
    },
    async end() {
      listening.abort();
      exchanges.giveUp();
      notes.close();
      await Promise.all([keeper.stop(), deadlines.stop()]);
    },
  };
}
