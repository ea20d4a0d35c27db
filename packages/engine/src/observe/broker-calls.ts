// Tells what the calls of a broker do, as events. It stands between a broker and all who use it, the same for each broker.
import type { Broker } from '../broker/broker.ts';
import type { ExchangeOutcome, Exchange } from '../broker/consume.ts';
import { isTaskCenterError, TaskCenterError } from '../errors/task-center-error.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { countEnqueued } from './enqueued.ts';

/**
 * The facets whose calls end by themselves. `signals` waits for what others do, `leaseRenewal` works on another thread and
 * reports itself, and a backup takes as long as the file is large.
 */
const FACETS = [
  'submit',
  'consume',
  'maintain',
  'check',
  'control',
  'groups',
  'inspect',
  'presence',
  'schedulerEntries',
  'schedules',
  'documents',
  'semaphores',
  'claims',
] as const satisfies readonly (keyof Broker)[];

type AnyMethod = (...args: unknown[]) => unknown;

/** How many tasks a call was about. `answer` is undefined if it has failed. */
type CountTasks = (args: readonly unknown[], answer: unknown) => number | null;

const listSize = (list: unknown): number | null => (Array.isArray(list) ? list.length : null);

/** Calls whose first argument is not the list of what they are about. */
const SIZES: Readonly<Record<string, CountTasks>> = {
  // The tasks may be a generator, which is read once.
  'submit.enqueue': ([tasks], answer) => listSize(answer ?? tasks),
  'consume.exchange': ([exchange], answer) =>
    (exchange as Exchange).finishes.length + ((answer as ExchangeOutcome | undefined)?.tasks.length ?? 0),
};

const countFirst: CountTasks = ([first]) => listSize(first);

/** Whether the caller has given the call up: its error says nothing of the broker. */
const isGivenUp = (args: readonly unknown[]): boolean =>
  args.some((arg) => (arg as { signal?: AbortSignal } | null | undefined)?.signal?.aborted === true);

/** Emits `broker.called` and `broker.up`. */
class CallWatch {
  readonly #broker: string;
  readonly #runtime: Pick<Runtime, 'clock' | 'events'>;
  #isUp = true;

  constructor(broker: string, runtime: Pick<Runtime, 'clock' | 'events'>) {
    this.#broker = broker;
    this.#runtime = runtime;
  }

  /**
   * The same call, which is measured while somebody listens. What it returns is handed on as it is: errors, too, and what is no
   * promise.
   */
  watched(op: string, call: AnyMethod): AnyMethod {
    const { clock, events } = this.#runtime;
    const countTasks = SIZES[op] ?? countFirst;
    return (...args) => {
      if (!events.has('broker.called') && !events.has('broker.up')) return call(...args);
      const sinceMs = clock.monotonicMs();
      const returned = call(...args);
      if (!(returned instanceof Promise)) return returned;
      // Not `finally`: its promise would be a second one to wait for.
      return returned.then(
        (answer: unknown) => {
          this.#tell(op, { tasks: countTasks(args, answer), ms: clock.monotonicMs() - sinceMs, error: null });
          this.#setUp(true);
          return answer;
        },
        (error: unknown) => {
          const code = error instanceof TaskCenterError ? error.code : 'unexpected';
          const ms = clock.monotonicMs() - sinceMs;
          this.#tell(op, { tasks: countTasks(args, undefined), ms, error: code });
          if (isTaskCenterError(error, 'broker-unavailable') && !isGivenUp(args)) this.#setUp(false);
          throw error;
        },
      );
    };
  }

  #tell(op: string, call: { tasks: number | null; ms: number; error: string | null }): void {
    const { events } = this.#runtime;
    if (events.has('broker.called')) events.emit('broker.called', { broker: this.#broker, op, ...call });
  }

  #setUp(isUp: boolean): void {
    if (this.#isUp === isUp) return;
    this.#isUp = isUp;
    this.#runtime.events.emit('broker.up', { broker: this.#broker, isUp });
  }
}

/**
 * The same broker, whose calls are told to those who listen to the events of `runtime`. Without a listener a call costs one
 * function more.
 */
export function observedBroker(broker: Broker, runtime: Pick<Runtime, 'clock' | 'events'>): Broker {
  const watch = new CallWatch(broker.name, runtime);
  const observe = <Facet extends object>(name: string, facet: Facet): Facet => {
    const entries = Object.entries(facet).map(([method, value]: [string, unknown]) => [
      method,
      typeof value === 'function' ? watch.watched(`${name}.${method}`, value as AnyMethod) : value,
    ]);
    return Object.fromEntries(entries) as Facet;
  };
  const facets = Object.fromEntries(FACETS.map((name) => [name, observe(name, broker[name])]));
  const observed = { ...broker, ...facets } as Broker;
  return { ...observed, submit: countEnqueued(observed.submit, runtime.events) };
}
