import type { Broker } from '../broker/broker.ts';
import type { EnqueueEvent } from '../broker/scheduler-entries.ts';
import * as control from '../control/index.ts';
import type { EventPageOptions, SchedulerEntry } from '../control/index.ts';

/** Shows what the schedulers of all processes announce. Only the process that has an entry can change it. */
export class SchedulerInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The periodic tasks of all running schedulers, ours and those in Go, the next to fire first. */
  entries(): Promise<SchedulerEntry[]> {
    return control.listSchedulerEntries(this.#broker);
  }

  /**
   * The tasks that a scheduler's entry has enqueued, newest first; none for an unknown entry. The last 1,000 are kept
   * until the entry ends.
   *
   * @throws TaskCenterError `invalid-value`
   */
  events(entryId: string, options: EventPageOptions = {}): Promise<EnqueueEvent[]> {
    return control.listEnqueueEvents(this.#broker, entryId, options);
  }
}
