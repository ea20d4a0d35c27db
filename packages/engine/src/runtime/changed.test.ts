import { describe, expect, test } from 'vitest';
import { Changed } from './changed.ts';

describe('a wait for a condition', () => {
  test('ends when its condition is true after a notification, and no other wait does', async () => {
    const changed = new Changed();
    let count = 0;
    const reached: number[] = [];
    const waits = [1, 2, 2].map((goal) => changed.until(() => count >= goal).then(() => reached.push(goal)));
    count = 1;
    changed.notify();
    await waits[0];
    expect(reached).toEqual([1]);
    count = 2;
    changed.notify();
    await Promise.all(waits);
    expect(reached).toEqual([1, 2, 2]);
  });

  test('needs no notification when its condition is true already', async () => {
    await new Changed().until(() => true);
  });

  test('is given up when its signal aborts', async () => {
    const stop = new AbortController();
    const wait = new Changed().until(() => false, stop.signal);
    stop.abort();
    await wait;
    await new Changed().until(() => false, stop.signal);
  });
});
