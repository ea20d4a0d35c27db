import { openFrozen } from '../ceilings/frozen.mjs';
import { openOurs } from '../ceilings/ours.mjs';

const BARE =
  'all calls are bytes before the clock starts, replies are counted and not read; as our worker, two calls under way that each carry half of the concurrency (bulk: four calls of 256)';

/** What our scripts allow: the difference to our own figures is what the process around them costs. */
export const ceilingOurs = {
  name: 'Ceiling: our scripts',
  setup: `the very scripts and arguments of our broker; ${BARE}.`,
  store: 'redis',
  ceiling: true,
  open: openOurs,
};

/** What Redis allows: slow scripts of ours cannot flatter our share of this one. */
export const ceilingFrozen = {
  name: 'Ceiling: minimal scripts',
  setup: `frozen scripts that do only what Asynq’s layout needs, without receipts, fencing and history; ${BARE}.`,
  store: 'redis',
  ceiling: true,
  open: openFrozen,
};
