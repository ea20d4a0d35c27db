/** What is called when a signal aborts, and the one listener that calls it. */
interface Listening {
  readonly calls: Set<() => void>;
  readonly listener: () => void;
}

const bySignal = new WeakMap<AbortSignal, Listening>();

function listen(signal: AbortSignal): Listening {
  const calls = new Set<() => void>();
  const listener = () => {
    for (const call of calls) call();
  };
  signal.addEventListener('abort', listener, { once: true });
  const listening = { calls, listener };
  bySignal.set(signal, listening);
  return listening;
}

/**
 * Calls `act` when a signal aborts that a caller has given, or at once if it has aborted. A caller may give one signal to thousands of
 * calls, and Node warns of a leak at its eleventh listener: here all of them share one.
 *
 * @returns a function that forgets `act`
 */
export function whenAborted(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) {
    act();
    return () => {};
  }
  const { calls, listener } = bySignal.get(signal) ?? listen(signal);
  calls.add(act);
  return () => {
    calls.delete(act);
    if (calls.size > 0) return;
    signal.removeEventListener('abort', listener);
    bySignal.delete(signal);
  };
}
