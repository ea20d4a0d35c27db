/**
 * Creates a function that gives out the next items of a list, in turn. The list may change from call to call.
 *
 * @param min number of items that a call gives out at least, or all
 * @param maxTurns number of calls in which every item of a longer list has its turn. Default: as many as it takes
 */
export function createTurns(min: number, maxTurns = Infinity) {
  let next = 0;
  return <Item>(all: readonly Item[]): readonly Item[] => {
    const count = Math.max(min, Math.ceil(all.length / maxTurns));
    if (count >= all.length) return all;
    const from = next % all.length;
    next = from + count;
    return [...all.slice(from, next), ...all.slice(0, Math.max(0, next - all.length))];
  };
}
