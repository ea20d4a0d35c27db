/**
 * Bounds the memory that all requests, or all answers, of this process take together. A part is reserved for small ones, and
 * one key gets at most half. So neither large requests nor one caller can shut the others out.
 */
import type { Clock } from '@task-center/engine';
import type { Bindings } from '../call.ts';
import { overloaded } from '../../problem.ts';
import { Turns } from './turns.ts';

const MIB = 1_024 * 1_024;
/** Of each budget. */
const MAX_BYTES = 64 * MIB;
const MAX_BYTES_OF_KEY = MAX_BYTES / 2;
/** A request or answer of this size is large. All large ones together leave a quarter of the budget to small ones. */
export const LARGE_BYTES = 64 * 1_024;
const MAX_BYTES_OF_LARGE = (MAX_BYTES / 4) * 3;

/** How much of a budget is in use. */
interface Use {
  bytes: number;
  large: number;
  readonly byKey: Map<string, number>;
}

const noRoom = (what: string) => overloaded(`There is no room for ${what}.`);

/** The part of a budget that one request or answer takes. */
export class Room {
  readonly #use: Use;
  readonly #what: string;
  readonly #key: string;
  #bytes = 0;

  constructor(use: Use, what: string, key: string) {
    this.#use = use;
    this.#what = what;
    this.#key = key;
  }

  /**
   * Takes more of the budget.
   *
   * @throws ProblemError `overloaded`: the budget is used up, and this part stays as it was
   */
  grow(bytes: number): void {
    const size = this.#bytes + bytes;
    const added = size < LARGE_BYTES ? 0 : size - this.#large;
    const { bytes: used, large, byKey } = this.#use;
    if (used + bytes > MAX_BYTES || (added > 0 && large + added > MAX_BYTES_OF_LARGE))
      throw noRoom(`${this.#what} (limit ${MAX_BYTES} bytes)`);
    if ((byKey.get(this.#key) ?? 0) + bytes > MAX_BYTES_OF_KEY)
      throw noRoom(`${this.#what} of one key (limit ${MAX_BYTES_OF_KEY} bytes)`);
    this.set(size);
  }

  /** Sets the part to this size, even beyond the budget: the memory is in use already. */
  set(size: number): void {
    const use = this.#use;
    const by = size - this.#bytes;
    use.bytes += by;
    use.large -= this.#large;
    this.#bytes = size;
    use.large += this.#large;
    const ofKey = (use.byKey.get(this.#key) ?? 0) + by;
    if (ofKey === 0) use.byKey.delete(this.#key);
    else use.byKey.set(this.#key, ofKey);
  }

  /** Gives the whole part back. May be called twice. */
  release(): void {
    this.set(0);
  }

  /** How many of its bytes count as large. */
  get #large(): number {
    return this.#bytes < LARGE_BYTES ? 0 : this.#bytes;
  }
}

/** A budget of 64 MiB. */
export class MemoryBudget {
  readonly #use: Use = { bytes: 0, large: 0, byKey: new Map() };
  readonly #what: string;

  /** @param what says what there is no room for, in a problem: `more bodies` */
  constructor(what: string) {
    this.#what = what;
  }

  /** Bytes in use. */
  get bytes(): number {
    return this.#use.bytes;
  }

  /** Room for a request or answer of this key, of 0 bytes at first. */
  open(key: string): Room {
    return new Room(this.#use, this.#what, key);
  }
}

/** The budgets of a process. */
export interface Budgets {
  /** Of bodies that have arrived, until their requests are answered. */
  readonly bodies: MemoryBudget;
  /** Of answers, until their callers have taken them. */
  readonly answers: MemoryBudget;
  /** Large answers are made one after another: the data that one is made of takes several times its size. */
  readonly making: Turns;
}

/** Bounds the memory of batches while they are stored. Their `defaults` may make them large, although their bodies are small. */
export const createBatchTurns = (clock: Pick<Clock, 'after'>): Turns =>
  new Turns({ clock, maxBytes: 32 * MIB, what: 'large batches' });

export const createBudgets = (clock: Pick<Clock, 'after'>): Budgets => ({
  making: new Turns({ clock, maxBytes: 8 * MIB, what: 'large answers' }),
  bodies: new MemoryBudget('more bodies'),
  answers: new MemoryBudget('more answers that their callers have not taken'),
});

/** Keeps the room of an answer until the caller has taken it or the connection is closed. Without Node's objects nothing is sent. */
export function keepUntilTaken(room: Room, bytes: number, { incoming, outgoing }: Bindings): void {
  const socket = incoming?.socket;
  if (outgoing === undefined || socket === undefined || socket.destroyed || outgoing.closed)
    return room.release();
  room.set(bytes);
  outgoing.once('close', () => room.release());
  // An answer that waits for an earlier one has no socket yet, and gets no event when the connection closes.
  if (outgoing.socket === null) socket.once('close', () => room.release());
}
