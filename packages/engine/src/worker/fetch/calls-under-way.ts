import { UnorderedSet, type SetMember } from '../../runtime/unordered-set.ts';
import type { HeldTask } from '../held-task.ts';
import type { Demand } from './demand.ts';

/** An exchange under way. */
export interface PendingExchange extends SetMember {
  /** Slots that are reserved for the tasks that it brings. */
  readonly room: number;
  /** The tasks whose finishes it hands in. */
  readonly ended: readonly HeldTask[];
  /** When it began, monotonic. */
  readonly sinceMs: number;
  /** Its slots are free again: it has failed, or the worker does not wait for it any more. */
  isWrittenOff: boolean;
}

/** The exchanges under way, and the slots that they reserve. */
export class CallsUnderWay {
  readonly #demand: Demand;
  readonly #calls = new UnorderedSet<PendingExchange>();
  /** The worker does not wait for them, but they still hand something in. */
  readonly #abandoned = new Set<PendingExchange>();

  constructor(demand: Demand) {
    this.#demand = demand;
  }

  /** Calls that the worker waits for. */
  get size(): number {
    return this.#calls.size;
  }

  /** Whether no call hands in or may bring anything. */
  get isEmpty(): boolean {
    return this.#calls.size === 0 && this.#abandoned.size === 0;
  }

  begin({ room, ended, sinceMs }: Omit<PendingExchange, 'isWrittenOff' | 'position'>): PendingExchange {
    const call = { room, ended, sinceMs, isWrittenOff: false, position: -1 };
    this.#calls.add(call);
    this.#demand.reserve(room);
    return call;
  }

  /** Frees the slots that the call has reserved. May be called twice. */
  writeOff(call: PendingExchange): void {
    if (!call.isWrittenOff) this.#demand.free(call.room);
    call.isWrittenOff = true;
  }

  end(call: PendingExchange): void {
    this.writeOff(call);
    this.#calls.delete(call);
    this.#abandoned.delete(call);
  }

  /** Waits for no call any more. Returns how many there were. */
  abandonAll(): number {
    const calls = this.#calls.list();
    for (const call of calls) {
      this.writeOff(call);
      this.#calls.delete(call);
      if (call.ended.length > 0) this.#abandoned.add(call);
    }
    return calls.length;
  }
}
