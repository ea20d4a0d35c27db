import type { QueueFacts } from '../broker/inspect.ts';
import { BoundedLabels, OTHER } from './bounded-labels.ts';
import { writeLabels, type WrittenLabels } from './samples.ts';

/** What goes by one name in metrics: a queue, or all those that are `other`. */
export interface NamedQueue {
  readonly name: string;
  /** At least one. */
  readonly facts: readonly QueueFacts[];
}

/**
 * The labels of stored queues, for all metrics that stand in the broker: a queue that is `other` is so in each of them. Labels are
 * written once and kept, as the same queues come with each scrape.
 */
export class QueueLabels {
  readonly #bounded = new BoundedLabels(['queue']);
  readonly #alone = new Map<string, WrittenLabels>();
  readonly #withState = new Map<string, Map<string, WrittenLabels>>();

  /** The queues by what they are called. */
  rowsOf(queues: readonly QueueFacts[]): NamedQueue[] {
    const rows = new Map<string, QueueFacts[]>();
    for (const facts of queues) {
      const name = this.#bounded.bound([facts.queue])[0] ?? OTHER;
      const row = rows.get(name);
      if (row === undefined) rows.set(name, [facts]);
      else row.push(facts);
    }
    return Array.from(rows, ([name, facts]) => ({ name, facts }));
  }

  /** @param name of a row */
  of(name: string): WrittenLabels {
    let found = this.#alone.get(name);
    if (found === undefined) this.#alone.set(name, (found = writeLabels({ queue: name })));
    return found;
  }

  /** @param name of a row */
  ofState(name: string, state: string): WrittenLabels {
    let states = this.#withState.get(name);
    if (states === undefined) this.#withState.set(name, (states = new Map()));
    let found = states.get(state);
    if (found === undefined) states.set(state, (found = writeLabels({ queue: name, state })));
    return found;
  }
}
