import type { Attempt, Events } from './attempts.ts';

/**
 * Why a task ran again though no retry was planned. `killed`: the test ended its process; `crashed`: its process ended
 * by itself; `lease-lost`: its worker knew that the lease was gone; `given-back`: its worker stopped; `rolled-back`: the
 * broker had taken its end and lost it. `unexplained` is never allowed.
 */
export type Rerun = 'killed' | 'crashed' | 'lease-lost' | 'given-back' | 'rolled-back' | 'unexplained';

const FINAL = new Set(['succeeded', 'archived', 'revoked']);

/** Null = it failed and was to be tried again. */
function reasonAfter(before: Attempt, { gone }: Events): Rerun | null {
  const outcome = before.told?.outcome;
  if (outcome === 'failed') return null;
  if (outcome === 'deferred' || before.abort?.cause === 'shutdown') return 'given-back';
  if (outcome === 'lost' || before.abort?.cause === 'lease-lost') return 'lease-lost';
  if (outcome !== undefined && FINAL.has(outcome)) return 'rolled-back';
  const end = gone.get(before.member);
  // It failed, and its process went before the answer came.
  if (end && before.end?.outcome === 'fail') return null;
  if (end) return end.asked ? 'killed' : 'crashed';
  return 'unexplained';
}

export interface FoundRerun {
  readonly reason: Rerun;
  readonly before: Attempt;
  readonly again: Attempt;
}

/** Runs beyond the first of each task that no failure explains. */
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

/** Attempts whose end the broker took though another attempt had begun in their place: the fence did not hold. */
export function unfenced(reruns: readonly FoundRerun[]): Attempt[] {
  return reruns
    .filter(({ before, again }) => {
      const { told } = before;
      return (
        told !== undefined && told.outcome !== 'lost' && told.outcome !== 'deferred' && told.t > again.start
      );
    })
    .map(({ before }) => before);
}
