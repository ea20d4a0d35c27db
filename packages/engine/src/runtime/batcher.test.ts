import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { settle } from '../../test/support/fake-clock.ts';
import { Batcher, type BatcherDeps } from './batcher.ts';

/** A batcher of strings whose batches the test answers. */
function aBatcher(limits: Partial<BatcherDeps<string, string>> = {}) {
  const calls: { items: readonly string[]; answer(): void; fail(error: unknown): void }[] = [];
  const batcher = new Batcher<string, string>({
    maxItems: 100,
    maxBytes: 1_000,
    maxInFlight: 1,
    sizeOf: (item) => item.length,
    run: (items) =>
      new Promise((resolve, reject) => {
        calls.push({ items, answer: () => resolve(items.map((item) => `${item}!`)), fail: reject });
      }),
    ...limits,
  });
  return { batcher, calls, sizes: () => calls.map(({ items }) => items.length) };
}

describe('a batcher', () => {
  test('sends what was added in one turn of the event loop as one call', async () => {
    const { batcher, calls } = aBatcher();
    const outcomes = ['a', 'b', 'c'].map((item) => batcher.add(item));
    await settle();
    expect(calls.map(({ items }) => items)).toEqual([['a', 'b', 'c']]);
    calls[0]?.answer();
    expect(await Promise.all(outcomes)).toEqual(['a!', 'b!', 'c!']);
  });

  test('rejects all items of a failed batch, and only those', async () => {
    const { batcher, calls } = aBatcher({ maxItems: 2, maxInFlight: 2 });
    const outcomes = Promise.allSettled(['a', 'b', 'c'].map((item) => batcher.add(item)));
    await settle();
    calls[0]?.fail(new Error('lost'));
    calls[1]?.answer();
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  });

  test('rejects an item whose outcome is an error, and only that item', async () => {
    const run = (items: readonly string[]) =>
      Promise.resolve(items.map((item) => (item === 'bad' ? new Error('refused') : item)));
    const { batcher } = aBatcher({ run });
    const [good, bad] = await Promise.allSettled([batcher.add('good'), batcher.add('bad')]);
    expect(good).toEqual({ status: 'fulfilled', value: 'good' });
    expect(bad).toEqual({ status: 'rejected', reason: new Error('refused') });
  });

  test('rejects waiting items as well, where errorForWaiting says so', async () => {
    const errorForWaiting = (error: unknown) =>
      (error as Error).message === 'out of reach' ? new Error('not sent') : null;
    const { batcher, calls } = aBatcher({ errorForWaiting });
    const sent = batcher.add('a');
    await settle();
    const waited = batcher.add('b');
    calls[0]?.fail(new Error('out of reach'));
    await expect(sent).rejects.toThrow('out of reach');
    await expect(waited).rejects.toThrow('not sent');
    const next = batcher.add('c');
    await settle();
    calls[1]?.answer();
    expect(await next).toBe('c!');
  });

  test('rejects a batch whose call throws synchronously, and goes on', async () => {
    let calls = 0;
    const { batcher } = aBatcher({
      run: (items) => {
        calls += 1;
        if (calls === 1) throw new Error('thrown');
        return Promise.resolve(items);
      },
    });
    await expect(batcher.add('a')).rejects.toThrow('thrown');
    expect(await batcher.add('b')).toBe('b');
  });

  test('ends a batch at maxBytes, and sends an item that is too large alone', async () => {
    const { batcher, calls } = aBatcher({ maxBytes: 10, maxInFlight: 10 });
    for (const item of ['x'.repeat(6), 'x'.repeat(4), 'x', 'x'.repeat(50), 'x']) void batcher.add(item);
    await settle();
    expect(calls.map(({ items }) => items.map(({ length }) => length))).toEqual([[6, 4], [1], [50], [1]]);
  });

  test('keeps one call under way while the callers of another one get their outcomes', async () => {
    const { batcher, calls, sizes } = aBatcher({ maxInFlight: 2 });
    const enter = () => void batcher.add('a').then(enter);
    for (let i = 0; i < 50; i += 1) enter();
    await settle();
    expect(sizes()).toEqual([25, 25]);
    calls[0]?.answer();
    await settle();
    expect(sizes()).toEqual([25, 25, 25]);
  });

  test('does not halve few items, nor more than fill a batch', async () => {
    const { batcher, sizes } = aBatcher({ maxInFlight: 4 });
    for (let i = 0; i < 31; i += 1) void batcher.add('a');
    await settle();
    for (let i = 0; i < 150; i += 1) void batcher.add('a');
    await settle();
    expect(sizes()).toEqual([31, 100, 50]);
  });

  test('collects items while its calls are under way', async () => {
    const { batcher, calls, sizes } = aBatcher({ maxInFlight: 2 });
    for (let i = 0; i < 6; i += 1) {
      void batcher.add(`i${i}`);
      await settle();
    }
    expect(sizes()).toEqual([1, 1]);
    calls[0]?.answer();
    await settle();
    expect(sizes()).toEqual([1, 1, 4]);
  });

  test('never exceeds its limits, keeps the order and gives each item its own outcome', async () => {
    const limits = fc.record({
      maxItems: fc.integer({ min: 1, max: 7 }),
      maxBytes: fc.integer({ min: 1, max: 20 }),
      maxInFlight: fc.integer({ min: 1, max: 3 }),
    });
    const items = fc.array(fc.string({ maxLength: 12 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(limits, items, async (limit, all) => {
        const seen: string[] = [];
        let underWay = 0;
        const batcher = new Batcher<string, string>({
          ...limit,
          sizeOf: (item) => item.length,
          async run(batch) {
            underWay += 1;
            seen.push(...batch);
            const bytes = batch.reduce((sum, { length }) => sum + length, 0);
            expect(batch.length).toBeLessThanOrEqual(limit.maxItems);
            if (batch.length > 1) expect(bytes).toBeLessThanOrEqual(limit.maxBytes);
            expect(underWay).toBeLessThanOrEqual(limit.maxInFlight);
            await settle();
            underWay -= 1;
            return batch.map((item) => `${item}!`);
          },
        });
        const outcomes = await Promise.all(all.map((item) => batcher.add(item)));
        expect(outcomes).toEqual(all.map((item) => `${item}!`));
        expect(seen).toEqual(all);
      }),
      { numRuns: 40 },
    );
  });
});
