// A worker process for tests: `node worker.mjs <broker URL> <hold|run>`. Says on stdout, a line each, what it
// starts (`started <id>`) and ends (`ended <id>`); `hold` never ends an attempt.
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
