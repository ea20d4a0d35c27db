// Several schedulers, edits, pauses, runs and clocks that are set back: each logical time is decided at most once.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { MINUTE_MS, SECOND_MS, useFiring } from '../../support/firing.ts';

const open = useFiring();

const CRONS = ['* * * * * *', '*/7 * * * * *', '* * * * *'];
const action = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 20_000 }) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('fire' as const),
      by: fc.subarray([0, 1, 2], { minLength: 1 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('edit' as const), cron: fc.constantFrom(...CRONS) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('back' as const), ms: fc.integer({ min: 1, max: 10_000 }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: 'pause' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'resume' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'run' as const }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'die' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'end' as const }) },
);

test('each logical time is decided at most once, and never before its time', async () => {
  const policy = fc.constantFrom('catch_up' as const, 'fire_once' as const, 'skip' as const);
  const overlap = fc.constantFrom('allow' as const, 'skip' as const, 'queue' as const, 'replace' as const);
  const property = fc.asyncProperty(
    policy,
    overlap,
    fc.array(action, { minLength: 5, maxLength: 25 }),
    async (misfire, overlaps, actions) => {
      const bench = open();
      const { queue, schedules } = bench;
      const put = (cron: string) =>
        bench.put({ cron, overlap: overlaps, misfire: { policy: misfire, limit: 5, grace: '5s' } });
      await put(CRONS[0]!);
      const schedulers = [0, 1, 2].map(() => bench.createScheduler());
      for (const each of actions) {
        if (each.kind === 'advance') bench.advance(each.ms);
        else if (each.kind === 'back') bench.advance(-each.ms);
        else if (each.kind === 'fire') await Promise.all(each.by.map((i) => schedulers[i]!()));
        else if (each.kind === 'edit') await Promise.all([put(each.cron), schedulers[0]!()]);
        else if (each.kind === 'pause') await schedules.pause(queue);
        else if (each.kind === 'resume') await schedules.resume(queue);
        else if (each.kind === 'run') await Promise.all([schedules.run(queue), schedulers[1]!()]);
        else if (each.kind === 'die') await bench.store.due(queue, 256);
        else await bench.runTasks();
      }
      const planned = bench.fired.filter(({ outcome }) => outcome !== 'manual');
      const times = planned.map(({ fireMs }) => fireMs);
      expect(new Set(times).size).toBe(times.length);
      expect(planned.every(({ lateMs }) => lateMs >= 0)).toBe(true);
      expect(bench.lines.filter((line) => line.startsWith('error'))).toEqual([]);
      // It goes on: somebody fires again, and the next minute is made.
      await schedules.resume(queue);
      await bench.runTasks();
      bench.advance(2 * SECOND_MS);
      await bench.fire();
      const before = bench.fired.length;
      // Within the grace: with `skip` nothing older is made.
      for (let passedMs = 0; passedMs < 2 * MINUTE_MS; passedMs += 5 * SECOND_MS) {
        bench.advance(5 * SECOND_MS);
        await bench.fire();
        await bench.runTasks();
      }
      expect(bench.fired.length).toBeGreaterThan(before);
    },
  );
  await fc.assert(property, { numRuns: 12 });
});
