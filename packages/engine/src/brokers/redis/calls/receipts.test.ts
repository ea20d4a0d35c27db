import { expect, test } from 'vitest';
import { createReceipts, type Receipt } from './receipts.ts';

test('a receipt names its hash, the lowest free slot and a sequence that grows', async () => {
  const receipts = createReceipts('c1');
  const first = await receipts.take('orders');
  const second = await receipts.take('orders');
  const other = await receipts.take('mail');
  expect(first).toMatchObject({ key: 'tc:{orders}:rc:c1', slot: 0, sequence: 1 });
  expect(second).toMatchObject({ key: 'tc:{orders}:rc:c1', slot: 1, sequence: 2 });
  expect(other).toMatchObject({ key: 'tc:{mail}:rc:c1', slot: 0, sequence: 3 });
  first.release();
  expect(await receipts.take('orders')).toMatchObject({ slot: 0, sequence: 4 });
});

test('sixteen slots can be in use at once, and the next callers wait in their order', async () => {
  const receipts = createReceipts('c1');
  const taken = Array.from({ length: 16 }, () => receipts.take('q') as Receipt);
  expect(new Set(taken.map(({ slot }) => slot)).size).toBe(16);
  const order: string[] = [];
  const a = Promise.resolve(receipts.take('q')).then((receipt) => (order.push('a'), receipt));
  const b = Promise.resolve(receipts.take('q')).then((receipt) => (order.push('b'), receipt));
  taken[7]?.release();
  expect(await a).toMatchObject({ slot: 7, sequence: 17 });
  expect(order).toEqual(['a']);
  taken[3]?.release();
  expect(await b).toMatchObject({ slot: 3, sequence: 18 });
});

test('a caller that gives up waits no longer, and beyond 10,000 waiting callers the next one is refused', async () => {
  const receipts = createReceipts('c1');
  const taken = Array.from({ length: 16 }, () => receipts.take('q') as Receipt);
  const leaving = new AbortController();
  const first = Promise.resolve(receipts.take('q', () => leaving.signal));
  const line = Array.from({ length: 9_999 }, () => receipts.take('q'));
  await expect(receipts.take('q')).rejects.toThrow('too many');
  leaving.abort(new Error('gone'));
  await expect(first).rejects.toThrow('gone');
  const last = Promise.resolve(receipts.take('q'));
  taken[0]?.release();
  expect(await line[0]).toMatchObject({ slot: 0 });
  for (const waiting of line) (await waiting).release();
  expect(await last).toMatchObject({ slot: 0 });
});

test('releasing twice frees a slot once', async () => {
  const receipts = createReceipts('c1');
  const first = await receipts.take('q');
  first.release();
  const again = await receipts.take('q');
  first.release();
  expect(again.slot).toBe(0);
  expect((await receipts.take('q')).slot).toBe(1);
});
