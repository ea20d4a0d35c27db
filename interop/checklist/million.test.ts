import { describe, expect } from 'vitest';
import { Inspector } from '../../packages/engine/src/index.ts';
import { manyTasks } from '../../packages/engine/test/support/factories.ts';
import { interopBed, item } from '../support/bed.ts';

const MILLION = 1_000_000;
const CHUNK = 20_000;
const LIMIT_MS = 300_000;

/** An entry of `SLOWLOG GET`: ID, Unix time in s, duration in µs, arguments. */
type SlowEntry = readonly [id: number, atS: number, us: number, ...rest: unknown[]];

describe('inspector: a queue of a million tasks', () => {
  const bed = interopBed();

  /** The longest command in the slow log while `work` ran, ms. */
  async function longestCommandMs(work: () => Promise<unknown>): Promise<number> {
    await bed.ask('SLOWLOG', 'RESET');
    await work();
    const entries = (await bed.ask('SLOWLOG', 'GET', -1)) as readonly SlowEntry[];
    return Math.max(0, ...entries.map(([, , us]) => us / 1_000));
  }

  item(
    '87 both: where Go blocks Redis for the whole queue, we work in short steps and report progress',
    async () => {
      await bed.ask('CONFIG', 'SET', 'slowlog-log-slower-than', 1_000);
      await bed.ask('CONFIG', 'SET', 'slowlog-max-len', 10_000);
      const queue = bed.queue();
      for (let n = 0; n < MILLION; n += CHUNK) {
        await bed.broker.submit.enqueue(manyTasks(CHUNK, `${n}-`, { queue, delayMs: 3_600_000 }));
      }
      const inspector = new Inspector(bed.broker);
      const readingMs = await longestCommandMs(async () => {
        expect(await inspector.queues.get(queue)).toMatchObject({ counts: { scheduled: MILLION } });
        expect((await inspector.tasks.list(queue, 'scheduled', { limit: 500 })).tasks).toHaveLength(500);
      });
      let steps = 0;
      let last = 0;
      const onProgress = (handled: number, total: number) => {
        expect(handled > last && handled <= total && total === MILLION).toBe(true);
        last = handled;
        steps += 1;
      };
      const runningMs = await longestCommandMs(async () => {
        expect(await inspector.tasks.runAll(queue, 'scheduled', { onProgress })).toBe(MILLION);
      });
      expect(last).toBe(MILLION);
      expect(steps).toBeGreaterThan(1_000);
      const go = bed.go();
      const goMs = await longestCommandMs(async () => {
        expect(await go.inspect('deleteAll', { queue, state: 'pending' })).toBe(MILLION);
      });
      process.stderr.write(
        `a million tasks: the longest command blocked Redis for ${readingMs} ms (reading), ${runningMs} ms (running all), ` +
          `${goMs} ms (Go, deleting all)\n`,
      );
      expect(Math.max(readingMs, runningMs)).toBeLessThan(goMs / 10);
    },
    LIMIT_MS,
  );
});
