import type { Clock } from './clock.ts';

/** The reason with which what is over aborts. One for all: to make another takes as long as all else of an abort together. */
export const OVER = new DOMException('This operation was aborted', 'AbortError');

/** A time that somebody may end early. */
interface EndableTime {
  readonly clock: Pick<Clock, 'sleep'>;
  readonly ms: number;
  /** Ends it by its abort. */
  readonly over: AbortController;
}

/** As `within`, for a caller who may end the time early: then it is up. */
export async function withinTime<T>(
  { clock, ms, over }: EndableTime,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await Promise.race([work(over.signal), clock.sleep(ms, over.signal).then(() => undefined)]);
  } finally {
    over.abort(OVER);
  }
}

/**
 * Waits for `work`, but at most `ms`. Resolves to its value, or to `undefined` if the time is up first. In that case the
 * signal of `work` aborts, and a later rejection of `work` is ignored. Rejects if `work` rejects in time.
 */
export const within = <T>(
  clock: Pick<Clock, 'sleep'>,
  ms: number,
  work: (late: AbortSignal) => Promise<T>,
): Promise<T | undefined> => withinTime({ clock, ms, over: new AbortController() }, work);

/** Resolves when the signal aborts. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Waits for `work`, but no longer than until the signal aborts. A later rejection of `work` is ignored. */
export async function unlessAborted(work: Promise<unknown>, signal: AbortSignal): Promise<void> {
  let onAbort = () => {};
  const aborted = new Promise<void>((resolve) => (onAbort = resolve));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  await Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}
