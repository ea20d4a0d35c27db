import { onTestFinished } from 'vitest';
import { connectSqlite } from '../../src/brokers/sqlite/sqlite-broker.ts';
import { tempFolder } from '../support/temp.ts';
import { MAX_CRASHES, movableTime, type Harness } from './harness.ts';

/** A new file for each bench. */
export function sqliteHarness(): Harness {
  return {
    name: 'SQLite',
    async fresh() {
      const folder = await tempFolder();
      const time = movableTime();
      const broker = await connectSqlite({ path: folder.file('tasks.db'), nowMs: time.now });
      const bench = {
        broker,
        now: time.now,
        advance: (ms: number) => Promise.resolve(time.advance(ms)),
        recoverAfter(ms: number, steps: Parameters<typeof broker.maintain.recover>[0]) {
          time.advance(ms);
          return broker.maintain.recover(steps, MAX_CRASHES);
        },
        async close() {
          await broker.close();
          await folder.remove();
        },
      };
      onTestFinished(() => bench.close());
      return bench;
    },
  };
}
