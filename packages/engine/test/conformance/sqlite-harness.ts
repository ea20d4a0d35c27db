import { onTestFinished } from 'vitest';
import { connectSqlite } from '../../src/brokers/sqlite/sqlite-broker.ts';
import { tempFolder } from '../support/temp.ts';
import { createBench, movableTime, type Harness } from './harness.ts';

/** Each bench has a database file of its own. */
export function sqliteHarness(): Harness {
  return {
    name: 'SQLite',
    keepsSchedules: true,
    async openBench() {
      const folder = await tempFolder();
      const time = movableTime();
      const broker = await connectSqlite({ path: folder.file('tasks.db'), nowMs: time.now });
      const bench = createBench(broker, time, async () => {
        await broker.close();
        await folder.remove();
      });
      onTestFinished(() => bench.close());
      return bench;
    },
  };
}
