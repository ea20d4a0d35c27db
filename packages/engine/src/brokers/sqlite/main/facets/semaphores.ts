import type { Semaphores } from '../../../../broker/semaphores.ts';
import { TaskCenterError } from '../../../../errors/task-center-error.ts';

/** Within the process: the file is its alone, so every holder lives and dies with it. */
export interface LocalSemaphores extends Semaphores {
  /** Refuses calls from now on. */
  close(): void;
}

const secondsOf = (ms: number): number => Math.floor(ms / 1_000);

export function createSemaphores(broker: string, nowMs: () => number): LocalSemaphores {
  /** Scope → holder → end in s. */
  const scopes = new Map<string, Map<string, number>>();
  let closed = false;

  /** Tokens that are still held. */
  function heldIn(scope: string): Map<string, number> {
    if (closed) throw new TaskCenterError('broker-closed', { broker });
    const held = scopes.get(scope) ?? new Map<string, number>();
    for (const [holder, untilS] of held) if (untilS <= secondsOf(nowMs()) - 1) held.delete(holder);
    if (held.size === 0) scopes.delete(scope);
    return held;
  }

  return {
    async acquire({ scope, maxTokens, holder, untilMs }) {
      const held = heldIn(scope);
      const untilS = secondsOf(untilMs);
      if (held.get(holder) === untilS) return true;
      if (held.size >= maxTokens) return false;
      scopes.set(scope, held.set(holder, untilS));
      return true;
    },
    async release(scope, holder) {
      return heldIn(scope).delete(holder);
    },
    close() {
      closed = true;
      scopes.clear();
    },
  };
}
