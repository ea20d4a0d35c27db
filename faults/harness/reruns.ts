import type { Attempt, Events } from './attempts.ts';

/**
 * Why a task ran again although no retry was due:
 *
 * - `killed`: the test ended its process.
 * - `crashed`: its process ended by itself.
 * - `lease-lost`: its worker knew that the lease was gone.
 * - `given-back`: its worker was shut down.
 * - `rolled-back`: the broker had accepted its end and lost it.
 * - `unexplained`: none of these; never allowed.
 */
export type Rerun = 'killed' | 'crashed' | 'lease-lost' | 'given-back' | 'rolled-back' | 'unexplained';

const FINAL = new Set(['succeeded', 'archived', 'revoked']);

/** Null = the attempt failed, so a retry was due. */
function reasonAfter(before: Attempt, { exits }: Events): Rerun | null {
  const outcome = before.finished?.outcome;
  if (outcome === 'failed') return null;
  if (outcome === 'deferred' || before.abort?.cause === 'shutdown') return 'given-back';
  if (outcome === 'lost' || before.abort?.cause === 'lease-lost') return 'lease-lost';
  if (outcome !== undefined && FINAL.has(outcome)) return 'rolled-back';
  const end = exits.get(before.member);
  // It failed, and its process ended before the broker's answer was recorded.
  if (end && before.end?.outcome === 'fail') return null;
  if (end) return end.isRequested ? 'killed' : 'crashed';
  return 'unexplained';
}

export interface FoundRerun {
  readonly reason: Rerun;
  readonly before: Attempt;
  readonly again: Attempt;
}

/** All runs after the first of each task that no failure explains. */
export function rerunsIn(events: Events): FoundRerun[] {
  const found: FoundRerun[] = [];
  for (const attempts of events.byTask.values()) {
    for (const [i, again] of attempts.entries()) {
      const before = attempts[i - 1];
      const reason = before && reasonAfter(before, events);
      if (before && reason) found.push({ reason, before, again });
    }
  }
  return found;
}

/** Attempts whose end the broker accepted although the next attempt had begun: the fence did not hold. */
export function unfenced(reruns: readonly FoundRerun[]): Attempt[] {
  return reruns
    .filter(({ before, again }) => {
      const { finished } = before;
      return (
        finished !== undefined &&
        finished.outcome !== 'lost' &&
        finished.outcome !== 'deferred' &&
        finished.t > again.start
      );
    })
    .map(({ before }) => before);
}
