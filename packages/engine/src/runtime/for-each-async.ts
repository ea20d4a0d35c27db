/**
 * Calls `add` with each item, one after the other. If `add` returns a promise, the next item waits for it. Returns a
 * promise for the end if any call returned one; otherwise undefined, and no microtask was spent.
 *
 * Before the first wait all remaining items are read: the iterable may create them on the way, and must not be suspended.
 */
export function forEachAsync<Item>(
  items: Iterable<Item>,
  add: (item: Item) => Promise<unknown> | undefined,
): Promise<void> | undefined {
  const iterator = items[Symbol.iterator]();
  for (let next = iterator.next(); next.done !== true; next = iterator.next()) {
    const wait = add(next.value);
    if (wait) return addLater(wait, [...{ [Symbol.iterator]: () => iterator }], add);
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
