import type { Broker } from '../../../src/broker/broker.ts';
import type { HandlerContext } from '../../../src/worker/run/handlers.ts';
import type { WrongKind } from './wrong-values.ts';

/** What the calls work on. */
export interface World {
  readonly broker: Broker;
  /** Of an attempt that runs. */
  readonly context: HandlerContext;
}

/** How a call is tried. */
export interface Row {
  /** Good arguments, by the names of the declaration and in its order. One that is taken apart there has any name. */
  readonly args: Readonly<Record<string, unknown>>;
  /** Values that are wrong by their type, and for which another result than `invalid-value` is documented. By argument or field. */
  readonly takes?: Readonly<Record<string, readonly WrongKind[] | 'all'>>;
  /** Whether fields are taken as they are: who makes the call has checked them. */
  readonly isFlat?: true;
  /** What errors call an argument, if not by its name here. */
  readonly called?: Readonly<Record<string, string>>;
}

/** A task that is in every world, and its queue. */
export const KNOWN = { queue: 'known', id: 'known-task' };
