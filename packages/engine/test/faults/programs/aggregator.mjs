// A worker process that aggregates groups: `node aggregator.mjs <broker URL> <queue>`. It prints `aggregating <n>` with the
// number of tasks of a set, and never finishes the set.
import { connect, Worker } from '@task-center/engine';

const [url, queue] = process.argv.slice(2);
const broker = await connect(url);
const aggregation = {
  gracePeriod: '1s',
  async aggregate({ tasks }) {
    process.stdout.write(`aggregating ${tasks.length}\n`);
    await new Promise(() => {});
  },
};
await new Worker(broker, { queues: [queue], aggregation }).handle('*', () => {}).start();
process.stdout.write('ready\n');
