import type { Attempt, Events } from './attempts.ts';
import type { Line } from './history.ts';

/** Times in ms. */
export interface Histogram {
  readonly n: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly max: number;
}

/** Null for an empty list. */
export function histogram(values: readonly number[]): Histogram | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * sorted.length)] ?? Infinity);
  return { n: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: Math.round(sorted.at(-1) ?? 0) };
}

interface Interruption {
  readonly members: readonly string[];
  readonly t: number;
  /** The time from which recovery is measured. */
  readonly since: number;
}

/**
 * The faults and crashes that stopped members. Recovery counts from the fault, or from a later heal that names the members.
 * SIGCONT is no such heal: others can take over while a member is paused.
 */
function interruptionsIn(lines: readonly Line[]): Interruption[] {
  const found: Interruption[] = [];
  const marks = lines.filter(({ e }) => e === 'fault' || e === 'heal' || e === 'exit');
  for (const [i, line] of marks.entries()) {
    if (line.e === 'fault' && line.of.length > 0) {
      const { of, t } = line;
      const heal = marks
        .slice(i)
        .find(
          (later) => later.e === 'heal' && later.what !== 'SIGCONT' && later.of.some((m) => of.includes(m)),
        );
      found.push({ members: of, t, since: heal?.t ?? t });
    } else if (line.e === 'exit' && !line.isRequested)
      found.push({ members: [line.of], t: line.t, since: line.t });
  }
  return found;
}

/** For each task that a stopped member was running: from the fault to the next start, ms. */
export function recoveryMs(lines: readonly Line[], { byTask }: Events): number[] {
  const found: number[] = [];
  const isRunningAt = (attempt: Attempt, { members, t }: Interruption) =>
    members.includes(attempt.member) && attempt.start <= t && (attempt.finished?.t ?? Infinity) > t;
  for (const interruption of interruptionsIn(lines)) {
    for (const attempts of byTask.values()) {
      const hit = attempts.findIndex((attempt) => isRunningAt(attempt, interruption));
      const next = hit < 0 ? undefined : attempts[hit + 1];
      // A failed attempt waits for its retry. A start before the fault belongs to an earlier takeover.
      if (next && next.start >= interruption.t && attempts[hit]?.end?.outcome !== 'fail')
        found.push(next.start - interruption.since);
    }
  }
  return found;
}

/** From each heal of the broker or network to the next start of any task, ms. */
export function resumeMs(lines: readonly Line[], { byTask }: Events): number[] {
  const starts = [...byTask.values()].flatMap((attempts) => attempts.map(({ start }) => start));
  starts.sort((a, b) => a - b);
  return lines.flatMap((line) => {
    if (line.e !== 'heal' || line.of.length > 0) return [];
    const next = starts.find((start) => start > line.t);
    return next === undefined ? [] : [next - line.t];
  });
}
