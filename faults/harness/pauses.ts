import type { Line } from './history.ts';

/** The longest time without a start of a task (of these queues) from `since` on, ms, as far as lines go. */
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
