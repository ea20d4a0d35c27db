import { describe, expect, test } from 'vitest';
import type { Bench, Harness } from './harness.ts';

const MINUTE_MS = 60_000;

/** Asks for a token of a scope that has two, for a minute. */
const acquire = (bench: Bench, holder: string, { scope = 's', ms = MINUTE_MS, maxTokens = 2 } = {}) =>
  bench.broker.semaphores.acquire({ scope, maxTokens, holder, untilMs: bench.now() + ms });

export function semaphoresSuite(harness: Harness): void {
  describe('semaphores', () => {
    test('there are as many holders as tokens, and the next request is refused', async () => {
      const bench = await harness.openBench();
      expect(await acquire(bench, 'a')).toBe(true);
      expect(await acquire(bench, 'b')).toBe(true);
      expect(await acquire(bench, 'c')).toBe(false);
      expect(await acquire(bench, 'c', { maxTokens: 3 })).toBe(true);
    });

    test('concurrent requests get no more tokens than there are', async () => {
      const bench = await harness.openBench();
      const all = Array.from({ length: 50 }, (_, i) => acquire(bench, `t${i}`, { maxTokens: 7 }));
      expect((await Promise.all(all)).filter(Boolean)).toHaveLength(7);
    });

    test('a released token is free, and only its holder can release it', async () => {
      const bench = await harness.openBench();
      const { semaphores } = bench.broker;
      expect(await semaphores.release('s', 'a')).toBe(false);
      await acquire(bench, 'a');
      await acquire(bench, 'b');
      expect(await semaphores.release('s', 'a')).toBe(true);
      expect(await semaphores.release('s', 'a')).toBe(false);
      expect(await acquire(bench, 'c')).toBe(true);
      expect(await acquire(bench, 'a')).toBe(false);
    });

    test('an expired token is free', async () => {
      const bench = await harness.openBench();
      await acquire(bench, 'a', { ms: 5_000 });
      await acquire(bench, 'b');
      await bench.advance(5_000);
      expect(await acquire(bench, 'c')).toBe(false);
      await bench.advance(1_000);
      expect(await acquire(bench, 'c')).toBe(true);
      expect(await bench.broker.semaphores.release('s', 'a')).toBe(false);
    });

    test('acquiring again succeeds, and takes no second token', async () => {
      const bench = await harness.openBench();
      expect(await acquire(bench, 'a')).toBe(true);
      expect(await acquire(bench, 'a')).toBe(true);
      expect(await acquire(bench, 'b')).toBe(true);
      expect(await acquire(bench, 'a')).toBe(true);
      expect(await acquire(bench, 'c')).toBe(false);
    });

    test('acquiring again changes the expiry of the token, unless all tokens are taken', async () => {
      const bench = await harness.openBench();
      await acquire(bench, 'a', { ms: 5_000 });
      expect(await acquire(bench, 'a')).toBe(true);
      await acquire(bench, 'b', { ms: 5_000 });
      expect(await acquire(bench, 'b', { ms: 9_000 })).toBe(false);
      await bench.advance(6_000);
      expect(await acquire(bench, 'c')).toBe(true);
      expect(await acquire(bench, 'd')).toBe(false);
    });

    test('scopes are independent of each other, whatever their names', async () => {
      const bench = await harness.openBench();
      for (const scope of ['s', 'S', 's:t', ' {s} ü']) {
        expect(await acquire(bench, 'a', { scope, maxTokens: 1 })).toBe(true);
        expect(await acquire(bench, 'b', { scope, maxTokens: 1 })).toBe(false);
      }
      expect(await bench.broker.semaphores.release('s', 'a')).toBe(true);
      expect(await acquire(bench, 'b', { scope: 's:t', maxTokens: 1 })).toBe(false);
    });

    test('a closed broker gives no tokens', async () => {
      const bench = await harness.openBench();
      await bench.broker.close();
      const closed = { code: 'broker-closed' };
      await expect(acquire(bench, 'a')).rejects.toMatchObject(closed);
      await expect(bench.broker.semaphores.release('s', 'a')).rejects.toMatchObject(closed);
    });
  });
}
