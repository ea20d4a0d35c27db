import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MINUTE, setUpHistory } from '../../test/support/sampled-history.ts';

describe('the history of a queue', () => {
  test('adds up to what the counters say, whatever stops, starts or hangs when', async () => {
    const act = fc.oneof(
      fc.record({ kind: fc.constant('count' as const), by: fc.integer({ min: 1, max: 9 }) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 200_000 }) }),
      fc.record({ kind: fc.constantFrom('start', 'stop', 'cut', 'mend', 'lose') }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
        const { clock, history, queues, claims, startSampler, read } = setUpHistory();
        const running = [await startSampler()];
        await clock.advance(10_000);
        let expected = 0;
        for (const one of acts) {
          if ('by' in one) {
            queues.count('orders', { enqueued: one.by });
            expected += one.by;
          } else if ('ms' in one) await clock.advance(one.ms);
          else if (one.kind === 'start') running.push(await startSampler());
          else if (one.kind === 'stop') await running.pop()?.stop();
          else if (one.kind === 'cut') history.fails = 'after';
          else if (one.kind === 'mend') history.fails = 'no';
          else claims.steal('history', 1);
        }
        history.fails = 'no';
        for (let reads = 0; reads < 2; reads += 1) {
          for (const step of ['minute', 'hour'] as const) {
            const series = await read('enqueued', { step });
            const values = series.flatMap(({ points, gaps }) => [
              ...points.map(([, value]) => value),
              ...gaps.map(([, , value]) => value),
            ]);
            expect(values.reduce((sum: number, value) => sum + (value as number), 0)).toBe(expected);
          }
          if (reads === 0) running.push(await startSampler());
          await clock.advance(2 * MINUTE);
        }
        await Promise.all(running.map((sampler) => sampler.stop()));
      }),
      { numRuns: 40 },
    );
  });
});
