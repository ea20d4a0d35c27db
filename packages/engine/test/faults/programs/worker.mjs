// A worker process: `node worker.mjs <broker URL> <hold|run>`. It prints a line at the start (`started <id>`) and at the end
// (`ended <id>`) of each attempt; with `hold` attempts never end.
import { connect, Worker } from '@task-center/engine';

const [url, mode] = process.argv.slice(2);
const broker = await connect(url);
const worker = new Worker(broker, { concurrency: 100 });
worker.handle('*', async ({ id }) => {
  process.stdout.write(`started ${id}\n`);
  if (mode === 'hold') await new Promise(() => {});
  process.stdout.write(`ended ${id}\n`);
});
await worker.start();
process.stdout.write('ready\n');
process.once('SIGTERM', () => void worker.stop().then(() => broker.close()));
