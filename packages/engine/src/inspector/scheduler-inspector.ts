import type { Broker } from '../broker/broker.ts';
import type { EnqueueEvent } from '../broker/scheduler-entries.ts';
import * as control from '../control/index.ts';
import type { EventPageOptions, SchedulerEntry, ShownPayload } from '../control/index.ts';

/** A periodic task as an inspector shows it. */
export interface EntryInfo extends Omit<SchedulerEntry, 'payload'>, ShownPayload {}

/** Shows what the schedulers of all processes announce. Only the process that has an entry can change it. */
export class SchedulerInspector {
  readonly #broker: Broker;

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  /** The periodic tasks of all running schedulers, ours and those in Go, the next to fire first. Schedules that the broker keeps are in `Schedules`. */
  async entries(): Promise<EntryInfo[]> {
    return (await control.listSchedulerEntries(this.#broker)).map(control.showPayload);
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

  /** All that is kept of what an entry has enqueued, newest first, for `for await`: as it was when the loop began. */
  iterateEvents(entryId: string): AsyncGenerator<EnqueueEvent, void, undefined> {
    return control.iterateEnqueueEvents(this.#broker, entryId);
  }
}
