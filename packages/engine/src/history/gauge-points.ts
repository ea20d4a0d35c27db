import type { HistoryStep } from '../broker/history.ts';
import { NO_GAUGES, sumGauges, type Gauges } from './series.ts';

/** Gauges other than 0 are written once an hour. Later than this nobody has sampled, and they are not known. */
const KNOWN_STEPS: Readonly<Record<HistoryStep, number>> = { minute: 61, hour: 1 };
const STEP_S: Readonly<Record<HistoryStep, number>> = { minute: 60, hour: 3_600 };

const areZero = (gauges: Gauges): boolean => Object.values(gauges).every((value) => value === 0);

/** Gauges of a stored queue by the step in which they were written. */
export type WrittenGauges = ReadonlyMap<number, Gauges>;

/** What a gauge was at the end of each step: written only when it changes, it is carried forward. Null = not known. */
class Carried {
  readonly #written: WrittenGauges;
  readonly #step: HistoryStep;
  #last: { readonly at: number; readonly gauges: Gauges } = { at: -Infinity, gauges: NO_GAUGES };

  constructor(written: WrittenGauges, step: HistoryStep) {
    this.#written = written;
    this.#step = step;
  }

  /** Call it for each step in turn. */
  at(step: number): Gauges | null {
    const gauges = this.#written.get(step);
    if (gauges) this.#last = { at: step, gauges };
    const { at, gauges: last } = this.#last;
    if (areZero(last)) return last;
    if (step - at > KNOWN_STEPS[this.#step]) return null;
    // A task that is pending has been so for longer since.
    const oldestPendingS = last.oldestPendingS && last.oldestPendingS + (step - at) * STEP_S[this.#step];
    return { ...last, oldestPendingS };
  }
}

/**
 * The gauges of several stored queues that are shown as one, in each step of a range.
 *
 * @param first the first step that was read, from which they are carried forward
 */
export function carryGauges(
  queues: readonly WrittenGauges[],
  range: { readonly first: number; readonly from: number; readonly to: number; readonly step: HistoryStep },
): (readonly [at: number, gauges: Gauges])[] {
  const carried = queues.map((written) => new Carried(written, range.step));
  const points: (readonly [number, Gauges])[] = [];
  for (let at = range.first; at < range.to; at += 1) {
    const known = carried.map((one) => one.at(at)).filter((gauges) => gauges !== null);
    if (at >= range.from && known.length > 0) points.push([at, known.reduce(sumGauges)]);
  }
  return points;
}
