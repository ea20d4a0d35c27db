/**
 * Calls `run` for each item, at most `max` at once, and resolves to the results in the order of the items. After a rejection
 * no further item is begun.
 */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  max: number,
  run: (item: Item, index: number) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  let next = 0;
  async function work(): Promise<void> {
    try {
      while (next < items.length) {
        const index = next++;
        results[index] = await run(items[index] as Item, index);
      }
    } catch (error) {
      next = items.length;
      throw error;
    }
  }
  await Promise.all(Array.from({ length: Math.min(max, items.length) }, work));
  return results;
}
