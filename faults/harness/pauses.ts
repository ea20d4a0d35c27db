import type { Line } from './history.ts';

/**
 * The longest time between two starts of tasks after `since`, ms. The time after the last start does not count.
 *
 * @param options.queues only tasks of these; @param options.until only pauses that begin before this time
 */
export function longestPauseMs(
  lines: readonly Line[],
  since: number,
  { queues, until = Infinity }: { readonly queues?: readonly string[]; readonly until?: number } = {},
): number {
  const starts = lines.flatMap((line) => {
    const fits = line.e === 'start' && line.t > since && (queues?.includes(line.queue) ?? true);
    return fits ? [line.t] : [];
  });
  starts.sort((a, b) => a - b);
  let longest = 0;
  let before = since;
  for (const start of starts) {
    longest = Math.max(longest, start - before);
    before = start;
    if (start > until) break;
  }
  return Math.round(longest);
}
