import { eventsOf } from './attempts.ts';
import type { Line } from './history.ts';
import { histogram, type Histogram } from './recovery.ts';
import type { Run } from './run.ts';

const sortByTime = (lines: readonly Line[]): Line[] => [...lines].sort((a, b) => a.t - b.t);

/** Duration of each call of a producer, ms. */
export function callMs(lines: readonly Line[]): Histogram | null {
  const began = new Map<string, number>();
  const took: number[] = [];
  for (const line of sortByTime(lines)) {
    if (line.e === 'call') began.set(line.id, line.t);
    if (line.e !== 'ack' && line.e !== 'refused' && line.e !== 'unknown') continue;
    const since = began.get(line.id);
    if (since !== undefined) took.push(line.t - since);
    began.delete(line.id);
  }
  return histogram(took);
}

/** From a task's acknowledgement to its first start, ms. Meant for tasks without a delay. */
export function waitMs(lines: readonly Line[], fits: (id: string) => boolean = () => true): Histogram | null {
  const acked = new Map<string, number>();
  const waited: number[] = [];
  for (const line of sortByTime(lines)) {
    if (line.e === 'ack' && fits(line.id)) acked.set(line.id, line.t);
    if (line.e !== 'start') continue;
    const since = acked.get(line.id);
    if (since !== undefined) waited.push(line.t - since);
    acked.delete(line.id);
  }
  return histogram(waited);
}

/** Time between two renewals of one member's leases in a queue, ms, while it had any. */
export function renewalGapMs(lines: readonly Line[]): Histogram | null {
  const gaps = lines.flatMap((line) => (line.e === 'renewed' && line.gapMs > 0 ? [line.gapMs] : []));
  return histogram(gaps);
}

/** Reports {@link renewalGapMs}. @throws Error where no lease was renewed twice */
export function reportRenewals(run: Run): Histogram {
  const found = renewalGapMs(run.lines());
  if (found === null) throw new Error('no lease was renewed twice');
  const { p50, p99, max, n } = found;
  run.fact('ms between renewals', `${p50} / ${p99} / ${max} (p50 / p99 / longest of ${n})`);
  return found;
}

/**
 * For each task that another member took over: from the abort or end of the earlier handler to the next start, ms.
 * Negative = both ran at once.
 */
export function fenceMs(lines: readonly Line[]): number[] {
  const gaps: number[] = [];
  for (const attempts of eventsOf(sortByTime(lines)).byTask.values()) {
    for (const [i, again] of attempts.entries()) {
      const before = attempts[i - 1];
      if (!before || before.member === again.member) continue;
      if (before.finished !== undefined && before.finished.outcome !== 'lost') continue;
      gaps.push(again.start - Math.min(before.abort?.t ?? Infinity, before.end?.t ?? Infinity));
    }
  }
  return gaps;
}
