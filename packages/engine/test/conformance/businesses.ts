import type { ListedState } from '@task-center/model';
import { describe, expect, test } from 'vitest';
import { MAX_SCANNED } from '../../src/broker/bounds.ts';
import { aTask, finish } from '../support/factories.ts';
import { end, idsOf, take, takeOne, type Bench, type Harness } from './harness.ts';

/** A task of a business, with its stored ID. */
const of = (business: string, id: string, more: object = {}) =>
  aTask({ id: `${business}.${id}`, meta: { business }, ...more });

/** The IDs of all tasks of the businesses, page by page. */
async function pages(bench: Bench, state: ListedState, businesses: readonly string[]): Promise<string[][]> {
  const seen: string[][] = [];
  let cursor: string | null = null;
  do {
    const request = { queue: 'default', state, limit: 2, cursor, businesses };
    const page = await bench.broker.inspect.list(request);
    seen.push(idsOf(page.tasks));
    cursor = page.cursor;
  } while (cursor !== null && seen.length < 50);
  return seen;
}

/** Stores tasks of three businesses and of none by turns. */
async function fill(bench: Bench, more: object = {}): Promise<void> {
  const tasks = ['0', '1', '2', '3'].flatMap((id) => [
    of('bank', id, more),
    aTask({ id: `plain${id}`, ...more }),
    of('shop', id, more),
    of('shop-2', id, more),
  ]);
  await bench.broker.submit.enqueue(tasks);
}

const SHOP = ['shop.0', 'shop.1', 'shop.2', 'shop.3'];

function lists(harness: Harness): void {
  test('a list has only the tasks of the businesses that it is asked for, two to a page', async () => {
    const bench = await harness.openBench();
    await fill(bench);
    const pending = await pages(bench, 'pending', ['shop']);
    expect(pending.filter(({ length }) => length > 0)).toEqual([SHOP.slice(0, 2), SHOP.slice(2)]);
    expect((await pages(bench, 'pending', ['shop', 'bank'])).flat()).toHaveLength(8);
    expect((await pages(bench, 'pending', ['nobody'])).flat()).toEqual([]);
    await take(bench);
    expect((await pages(bench, 'active', ['shop'])).flat()).toEqual(SHOP);
  });

  test('a list of any other state does the same', async () => {
    const bench = await harness.openBench();
    await fill(bench, { delayMs: 60_000 });
    expect((await pages(bench, 'scheduled', ['shop'])).flat().sort()).toEqual(SHOP);
    await bench.broker.control.cancel({ queue: 'default', id: 'shop.1' }, {});
    await bench.broker.control.cancel({ queue: 'default', id: 'bank.1' }, {});
    expect(await pages(bench, 'cancelled', ['shop'])).toEqual([['shop.1']]);
    expect((await pages(bench, 'completed', ['shop'])).flat()).toEqual([]);
  });

  test('a page ends after a bounded number of entries, and the next one goes on there', async () => {
    const bench = await harness.openBench();
    const foreign = Array.from({ length: MAX_SCANNED + 50 }, (_, i) => of('bank', String(i)));
    for (let i = 0; i < foreign.length; i += 250)
      await bench.broker.submit.enqueue(foreign.slice(i, i + 250));
    await bench.broker.submit.enqueue([of('shop', 'last')]);
    const request = { queue: 'default', state: 'pending', limit: 5, businesses: ['shop'] } as const;
    const first = await bench.broker.inspect.list({ ...request, cursor: null });
    expect(first).toMatchObject({ tasks: [], scanned: MAX_SCANNED });
    const second = await bench.broker.inspect.list({ ...request, cursor: first.cursor });
    expect(idsOf(second.tasks)).toEqual(['shop.last']);
    expect(second).toMatchObject({ cursor: null, scanned: 51 });
  });

  test("an ID that merely looks like a business's is not listed as one", async () => {
    const bench = await harness.openBench();
    const { submit, inspect } = bench.broker;
    await submit.enqueue([aTask({ id: 'shop.foreign' }), of('shop', 'own'), of('shop.eu', 'own')]);
    expect((await pages(bench, 'pending', ['shop'])).flat()).toEqual(['shop.own']);
    // A business of the library may have a point in its name.
    expect((await pages(bench, 'pending', ['shop.eu'])).flat()).toEqual(['shop.eu.own']);
    expect(await inspect.haveHeld(['default'], ['shop.eu'])).toEqual([true]);
  });
}

export function businessesSuite(harness: Harness): void {
  describe('businesses', () => {
    lists(harness);

    test('a queue remembers those that had tasks in it, until it is removed', async () => {
      const bench = await harness.openBench();
      const { inspect, control, submit } = bench.broker;
      const queues = ['default', 'plain', 'never'];
      await submit.enqueue([of('shop', '1', { retentionMs: 0 }), aTask({ queue: 'plain' })]);
      expect(await inspect.haveHeld(queues, ['bank', 'shop'])).toEqual([true, false, false]);
      expect(await inspect.haveHeld(queues, ['bank'])).toEqual([false, false, false]);
      expect(await inspect.haveHeld([], ['shop'])).toEqual([]);
      await end(bench, finish.succeeded(await takeOne(bench)));
      expect(await inspect.task({ queue: 'default', id: 'shop.1' })).toBeNull();
      expect(await inspect.haveHeld(queues, ['shop'])).toEqual([true, false, false]);
      await control.dropQueue('default');
      expect(await inspect.haveHeld(queues, ['shop'])).toEqual([false, false, false]);
      await submit.enqueue([of('shop', '1')]);
      expect(await inspect.haveHeld(queues, ['shop'])).toEqual([true, false, false]);
    });
  });
}
