/**
 * Adds items one after the other. `add` gives a promise where the next one has to wait; then this gives one, too, for the
 * end. What is left is read before anything is waited for: it may be made while it is read.
 */
export function forEachAsync<Item>(
  items: Iterable<Item>,
  add: (item: Item) => Promise<unknown> | undefined,
): Promise<void> | undefined {
  const left = items[Symbol.iterator]();
  for (let next = left.next(); next.done !== true; next = left.next()) {
    const wait = add(next.value);
    if (wait) return addLater(wait, [...{ [Symbol.iterator]: () => left }], add);
  }
  return undefined;
}

async function addLater<Item>(
  wait: Promise<unknown>,
  items: readonly Item[],
  add: (item: Item) => Promise<unknown> | undefined,
): Promise<void> {
  await wait;
  for (const item of items) await add(item);
}
