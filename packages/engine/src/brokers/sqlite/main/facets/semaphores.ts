// The semaphores facet, kept in memory on the main thread.
import type { Semaphores } from '../../../../broker/semaphores.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';
import type { Clock } from '../../../../runtime/clock.ts';

/** Semaphores within this process: it alone owns the file, so all holders of tokens run in it. */
export interface LocalSemaphores extends Semaphores {
  /** Forgets all tokens. Later calls are rejected. */
  close(): void;
}

/** Whole seconds, as Asynq's semaphores count. */
const secondsOf = (ms: number): number => Math.floor(ms / 1_000);

interface Token {
  /** Its deadline as it was given, wall-clock s. */
  readonly untilS: number;
  /** When it expires, monotonic: setting the clock lets no second holder in while the first one works. */
  readonly endsMs: number;
}

export function createSemaphores(
  broker: string,
  { wallMs, monotonicMs }: Pick<Clock, 'wallMs' | 'monotonicMs'>,
): LocalSemaphores {
  /** Tokens by scope and holder. */
  const scopes = new Map<string, Map<string, Token>>();
  let closed = false;

  /** Removes a scope's expired tokens and returns the others. */
  function currentTokens(scope: string): Map<string, Token> {
    if (closed) throw new TaskCenterError('broker-closed', { broker });
    const tokens = scopes.get(scope) ?? new Map<string, Token>();
    for (const [holder, { endsMs }] of tokens) if (endsMs <= monotonicMs()) tokens.delete(holder);
    if (tokens.size === 0) scopes.delete(scope);
    return tokens;
  }

  return {
    async acquire({ scope, maxTokens, holder, untilMs }) {
      const tokens = currentTokens(scope);
      const untilS = secondsOf(untilMs);
      // Idempotent: acquiring again with the same expiry succeeds, even if the scope is full.
      if (tokens.get(holder)?.untilS === untilS) return true;
      if (tokens.size >= maxTokens) return false;
      // The last second counts as a whole.
      const leftMs = (untilS + 1) * 1_000 - wallMs();
      scopes.set(scope, tokens.set(holder, { untilS, endsMs: monotonicMs() + leftMs }));
      return true;
    },
    // False = the token had expired, or was never acquired.
    async release(scope, holder) {
      return currentTokens(scope).delete(holder);
    },
    close() {
      closed = true;
      scopes.clear();
    },
  };
}
