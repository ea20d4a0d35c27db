/**
 * A bound of the memory that requests or answers take, all of this process together. What is small has a share of its own, and
 * one key has at most half: neither large requests nor one caller can shut the others out.
 */
import type { Clock } from '@task-center/engine';
import type { Bindings } from '../call.ts';
import { overloaded } from '../../problem.ts';
import { Turns } from './turns.ts';

const MIB = 1_024 * 1_024;
/** Of each budget. */
const MAX_BYTES = 64 * MIB;
const MAX_BYTES_OF_KEY = MAX_BYTES / 2;
/** What is at least this large. It leaves a quarter of the budget to the others. */
export const LARGE_BYTES = 64 * 1_024;
const MAX_BYTES_OF_LARGE = (MAX_BYTES / 4) * 3;

/** How much of a budget is in use. */
interface Use {
  bytes: number;
  large: number;
  readonly byKey: Map<string, number>;
}

const noRoom = (what: string) => overloaded(`There is no room for ${what}.`);

/** The room that one request or answer takes. */
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
   * Takes more.
   *
   * @throws ProblemError `overloaded`: it has what it had before
   */
  grow(bytes: number): void {
    const size = this.#bytes + bytes;
    const added = size < LARGE_BYTES ? 0 : size - this.#large;
    const { bytes: used, large, byKey } = this.#use;
    if (used + bytes > MAX_BYTES || (added > 0 && large + added > MAX_BYTES_OF_LARGE))
      throw noRoom(`${this.#what}: ${MAX_BYTES} bytes`);
    if ((byKey.get(this.#key) ?? 0) + bytes > MAX_BYTES_OF_KEY)
      throw noRoom(`${this.#what} of one key: ${MAX_BYTES_OF_KEY} bytes`);
    this.set(size);
  }

  /** Takes exactly this much, also beyond the bound: it is there already. */
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

  /** Gives all of it back. May be called twice. */
  release(): void {
    this.set(0);
  }

  /** What counts as large of it. */
  get #large(): number {
    return this.#bytes < LARGE_BYTES ? 0 : this.#bytes;
  }
}

/** A budget of 64 MiB. */
export class MemoryBudget {
  readonly #use: Use = { bytes: 0, large: 0, byKey: new Map() };
  readonly #what: string;

  /** @param what it bounds, in words: `more answers that are not taken yet` */
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
  /** While large answers are made: what they are made of takes several times their size. */
  readonly making: Turns;
}

/** What batches that `defaults` make large take while they are stored. Their bodies are small. */
export const createBatchTurns = (clock: Pick<Clock, 'after'>): Turns =>
  new Turns({ clock, maxBytes: 32 * MIB, what: 'large batches' });

export const createBudgets = (clock: Pick<Clock, 'after'>): Budgets => ({
  making: new Turns({ clock, maxBytes: 8 * MIB, what: 'large answers' }),
  bodies: new MemoryBudget('more bodies'),
  answers: new MemoryBudget('more answers that their callers have not taken'),
});

/** Keeps the room of an answer until it is taken or its connection is closed. Without Node's objects nothing is sent. */
export function keepUntilTaken(room: Room, bytes: number, { incoming, outgoing }: Bindings): void {
  const socket = incoming?.socket;
  if (outgoing === undefined || socket === undefined || socket.destroyed || outgoing.closed)
    return room.release();
  room.set(bytes);
  outgoing.once('close', () => room.release());
  // One behind another answer has no socket yet, and does not hear of its end.
  if (outgoing.socket === null) socket.once('close', () => room.release());
}
