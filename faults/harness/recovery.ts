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

/** Null = nothing was measured. */
export function histogram(values: readonly number[]): Histogram | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.floor(share * sorted.length)] ?? Infinity);
  return { n: sorted.length, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: Math.round(sorted.at(-1) ?? 0) };
}

interface Blow {
  readonly members: readonly string[];
  readonly t: number;
  /** From when a recovery is counted. */
  readonly since: number;
}

/** What stopped members; where a heal names them, the recovery counts from there, unless they were to go on by themselves. */
function blows(lines: readonly Line[]): Blow[] {
  const found: Blow[] = [];
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
    } else if (line.e === 'exit' && !line.asked) found.push({ members: [line.of], t: line.t, since: line.t });
  }
  return found;
}

/** From a member's fault to the next start of each task that it held. */
export function recoveryMs(lines: readonly Line[], { byTask }: Events): number[] {
  const found: number[] = [];
  const runsAt = (attempt: Attempt, { members, t }: Blow) =>
    members.includes(attempt.member) && attempt.start <= t && (attempt.told?.t ?? Infinity) > t;
  for (const blow of blows(lines)) {
    for (const attempts of byTask.values()) {
      const held = attempts.findIndex((attempt) => runsAt(attempt, blow));
      const next = held < 0 ? undefined : attempts[held + 1];
      // Whoever had failed waits for its retry; what was taken over before is not due to this.
      if (next && next.start >= blow.t && attempts[held]?.end?.outcome !== 'fail')
        found.push(next.start - blow.since);
    }
  }
  return found;
}

/** From each heal that names no member to the next start of any task. */
export function resumeMs(lines: readonly Line[], { byTask }: Events): number[] {
  const starts = [...byTask.values()].flatMap((attempts) => attempts.map(({ start }) => start));
  starts.sort((a, b) => a - b);
  return lines.flatMap((line) => {
    if (line.e !== 'heal' || line.of.length > 0) return [];
    const next = starts.find((start) => start > line.t);
    return next === undefined ? [] : [next - line.t];
  });
}
