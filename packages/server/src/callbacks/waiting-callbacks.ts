/** Callbacks that wait because this service could not send them. They are reported in the log, and tried again when the rules change. */
import {
  control,
  createLoop,
  logicalQueue,
  type Broker,
  type Runtime,
  type TaskRecord,
} from '@task-center/engine';
import { isNotSent, MAX_PAUSE_MS } from './not-sent.ts';

/**
 * Time from the first callback that could not be sent to the warning: more may follow, and share the warning. It is shorter than the
 * first pause, because callbacks that are being tried again are not counted.
 */
const TELL_SOON_MS = 500;
const TELL_AGAIN_MS = 3_600_000;
/** Reasons in one warning. */
const MAX_REASONS = 5;
/** Tasks on one page, and queues that are looked through at the same time. */
const PAGE = 100;
const QUEUES_AT_ONCE = 16;
/** A deferred task is due within the longest pause; the broker's clock may differ from ours. */
const HORIZON_MS = MAX_PAUSE_MS + 60_000;

export interface WaitingCallbacks {
  start(): void;
  stop(): Promise<void>;
  /** A callback could not be sent. */
  note(): void;
  /** Tries all of them now: the rules, or what our own system permits, may have changed. */
  retryAll(): void;
}

/** The tasks of a queue that wait because they could not be sent, page by page. */
async function* waitingIn(broker: Broker, queue: string, untilMs: number): AsyncGenerator<TaskRecord[]> {
  let cursor: string | null = null;
  do {
    const page = await broker.inspect.list({ queue, state: 'scheduled', limit: PAGE, cursor });
    yield page.tasks.filter(({ waitingFor }) => isNotSent(waitingFor));
    const { dueMs = 0 } = page.tasks.at(-1) ?? {};
    cursor = (dueMs ?? 0) > untilMs ? null : page.cursor;
  } while (cursor !== null);
}

/** Calls `act` with the waiting tasks of all callback queues, a page at a time. */
async function forEachWaiting(
  { broker, runtime }: WaitingDeps,
  act: (tasks: readonly TaskRecord[]) => Promise<unknown> | void,
): Promise<void> {
  const untilMs = runtime.clock.wallMs() + HORIZON_MS;
  const names = (await control.listQueues(broker)).filter((name) => logicalQueue(name).kind === 'callback');
  const facts = await broker.inspect.queueFacts(names);
  const queues = facts.filter(({ counts }) => counts.scheduled > 0).values();
  const lookThrough = async () => {
    for (const { queue } of queues)
      for await (const tasks of waitingIn(broker, queue, untilMs)) if (tasks.length > 0) await act(tasks);
  };
  await Promise.all(Array.from({ length: QUEUES_AT_ONCE }, lookThrough));
}

export interface WaitingDeps {
  readonly broker: Broker;
  readonly runtime: Runtime;
}

/** Logs how many wait, and why. Returns their number. */
async function tell(deps: WaitingDeps): Promise<number> {
  const reasons = new Set<string>();
  let count = 0;
  await forEachWaiting(deps, (tasks) => {
    count += tasks.length;
    for (const { waitingFor } of tasks)
      if (waitingFor !== null && reasons.size < MAX_REASONS) reasons.add(waitingFor);
  });
  if (count > 0)
    deps.runtime.log.warn(
      { count, reasons: [...reasons] },
      'callbacks wait because this service cannot send them; no attempt is used up, and they go as soon as they may',
    );
  return count;
}

/** Creates it; it does nothing before `start`. At the start all that wait are tried: the configuration may be another one. */
export function createWaitingCallbacks(deps: WaitingDeps): WaitingCallbacks {
  const { broker, runtime } = deps;
  let retries = true;
  /** When to tell, monotonic; Infinity = nothing waits. */
  let tellAtMs = Infinity;

  const loop = createLoop({
    name: 'waiting-callbacks',
    runtime,
    async step() {
      if (retries) {
        retries = false;
        // A task that has changed meanwhile stays as it is.
        await forEachWaiting(deps, (tasks) =>
          Promise.all(tasks.map((task) => broker.control.run(task))),
        ).catch((error: unknown) => {
          retries = true;
          throw error;
        });
      }
      if (tellAtMs <= runtime.clock.monotonicMs()) {
        const count = await tell(deps);
        tellAtMs = count > 0 ? runtime.clock.monotonicMs() + TELL_AGAIN_MS : Infinity;
      }
      return Math.min(TELL_AGAIN_MS, Math.max(1, tellAtMs - runtime.clock.monotonicMs()));
    },
  });

  return {
    start: () => loop.start(),
    stop: () => loop.stop(),
    note() {
      if (tellAtMs !== Infinity) return;
      tellAtMs = runtime.clock.monotonicMs() + TELL_SOON_MS;
      loop.wake();
    },
    retryAll() {
      retries = true;
      loop.wake();
    },
  };
}
