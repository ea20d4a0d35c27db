import type { QueueFacts } from '../broker/inspect.ts';
import { PackedError, Packer, Unpacker } from './packed.ts';
import { SERIES_COUNTS, GAUGES, type Count, type Gauges } from './series.ts';

/** Counts of a queue that are differences of its totals: Asynq's, and our own. Each group may be reset without the other. */
const TOTAL_GROUPS = [
  ['succeeded', 'failed'],
  ['started', 'enqueued', 'retried', 'archived', 'cancelled', 'recovered', 'deferred'],
] as const satisfies readonly (readonly Count[])[];

const SAMPLED_TOTALS = TOTAL_GROUPS.flat();
type Totals = Readonly<Record<(typeof SAMPLED_TOTALS)[number], number>>;

/** The version of the form. */
const BASELINE_VERSION = 1;

/** What is known of a queue at a time. */
export interface QueueSample {
  /** Since it exists. */
  readonly totals: Totals;
  readonly gauges: Gauges;
  /** When the gauges were like this, s by the broker's clock. */
  readonly atS: number;
}

/** @param atMs wall-clock ms of the broker */
export function sampleOf({ totals, counts, paused, oldestPendingMs }: QueueFacts, atMs: number): QueueSample {
  const { pending, scheduled, retry, active } = counts;
  const oldestPendingS = oldestPendingMs === null ? 0 : Math.max(1, Math.ceil(oldestPendingMs / 1_000));
  return {
    totals: Object.fromEntries(SAMPLED_TOTALS.map((total) => [total, totals[total]])) as unknown as Totals,
    gauges: { pending, scheduled, retry, active, oldestPendingS, paused: paused ? 1 : 0 },
    atS: Math.floor(atMs / 1_000),
  };
}

/** The bytes of a sample, as the broker keeps it until the next one in which something has changed. */
export function packBaseline({ totals, gauges, atS }: QueueSample): Uint8Array {
  const to = new Packer();
  to.number(BASELINE_VERSION);
  to.number(atS);
  for (const total of SAMPLED_TOTALS) to.number(totals[total]);
  for (const gauge of GAUGES) to.number(gauges[gauge]);
  return to.done();
}

/** @throws PackedError */
export function unpackBaseline(bytes: Uint8Array): QueueSample {
  const from = new Unpacker(bytes);
  if (from.number() !== BASELINE_VERSION) throw new PackedError('a baseline of another version');
  const atS = from.number();
  const totals = Object.fromEntries(
    SAMPLED_TOTALS.map((total) => [total, from.number()]),
  ) as unknown as Totals;
  const gauges = Object.fromEntries(GAUGES.map((gauge) => [gauge, from.number()])) as unknown as Gauges;
  return { totals, gauges, atS };
}

/**
 * What has happened between two samples, by `COUNT_INDEX`. Where a total has fallen, the queue was removed and made again: it counts from 0, and
 * so do those of its group.
 */
export function countsBetween(before: Totals | null, after: Totals): number[] {
  const counts = SERIES_COUNTS.map(() => 0);
  for (const group of TOTAL_GROUPS) {
    const hasFallen = before !== null && group.some((total) => after[total] < before[total]);
    for (const total of group) {
      const name = total;
      counts[SERIES_COUNTS.indexOf(name)] = after[name] - (before === null || hasFallen ? 0 : before[name]);
    }
  }
  return counts;
}

/** Two samples are never taken at the same moment of a second. */
const AGE_TOLERANCE_S = 2;

/** Whether the gauges are others than those before. That a task has waited for longer, since it still waits, is no change. */
export function haveGaugesChanged(before: QueueSample, after: QueueSample): boolean {
  const [a, b] = [before.gauges, after.gauges];
  if (GAUGES.some((gauge) => gauge !== 'oldestPendingS' && a[gauge] !== b[gauge])) return true;
  if (a.oldestPendingS === 0 || b.oldestPendingS === 0) return a.oldestPendingS !== b.oldestPendingS;
  const expectedS = a.oldestPendingS + (after.atS - before.atS);
  return Math.abs(b.oldestPendingS - expectedS) > AGE_TOLERANCE_S;
}

/** Whether any gauge is not 0. */
export const hasGauges = ({ gauges }: QueueSample): boolean => GAUGES.some((gauge) => gauges[gauge] > 0);
