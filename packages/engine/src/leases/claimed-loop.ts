import type { Claims } from '../broker/claims.ts';
import { createLoop, type Loop, type LoopDeps } from '../runtime/loop.ts';
import { ClaimKeeper, type HeldClaim } from './claim-keeper.ts';

/** The loop looks this often although nobody woke it. */
const IDLE_MS = 60_000;

export interface ClaimedLoopDeps extends Omit<LoopDeps, 'step'> {
  readonly claims: Claims;
  /** The claim's name. */
  readonly claim: string;
  /** Length of the claim, ms. Default 15 s. */
  readonly claimMs?: number;
  /**
   * As a step of any loop. The signal of `held` aborts when the claim is lost or the loop stops. A step that fails then counts as
   * ended.
   */
  step(held: HeldClaim): ReturnType<LoopDeps['step']>;
}

/** Calls `work` with a signal that aborts when one of the given ones does. They may outlive any number of such calls. */
async function withEither<T>(
  signals: readonly AbortSignal[],
  work: (either: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController();
  const abort = () => either.abort();
  for (const signal of signals) {
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  }
  try {
    return await work(either.signal);
  } finally {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  }
}

/**
 * A loop that works on one instance at a time: where this process has the claim. The first step follows as soon as it was taken. At
 * `stop` the claim is kept until the running step has ended, and is then free at once for another instance.
 */
export function createClaimedLoop({ claims, claim, claimMs, step, ...deps }: ClaimedLoopDeps): Loop {
  const loop = createLoop({
    ...deps,
    async step(stopping) {
      const { held } = keeper;
      if (held === null) return IDLE_MS;
      const { token, signal } = held;
      try {
        return await withEither([stopping, signal], (either) =>
          step({ token, signal: either, isHeld: () => held.isHeld() }),
        );
      } catch (error) {
        if (held.isHeld()) throw error;
        return IDLE_MS;
      }
    },
  });
  const { runtime } = deps;
  const keeper = new ClaimKeeper({ claims, claim, claimMs, runtime, onTaken: () => loop.wake() });

  return {
    name: deps.name,
    start() {
      keeper.start();
      loop.start();
    },
    wake: () => loop.wake(),
    async stop() {
      await loop.stop();
      await keeper.stop();
    },
  };
}
