import { afterEach, beforeEach } from 'vitest';
import type { BrokerKind, TestStore } from './brokers.ts';

/**
 * Gives each test of a `describe` an empty store of a kind, and removes it afterwards. Where the kind cannot be used, the tests
 * are skipped.
 *
 * @param setUp connects to it, and makes what else the tests work with
 */
export function storeOfEachTest(kind: BrokerKind, setUp: (store: TestStore) => Promise<void>): void {
  let store: TestStore | undefined;
  beforeEach(async (context) => {
    if (!kind.available) return context.skip();
    store = await kind.createStore();
    await setUp(store);
  });
  // What the tests clean up themselves comes first.
  afterEach(() => store?.remove());
}
