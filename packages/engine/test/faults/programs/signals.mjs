// A worker process that heeds signals: `node signals.mjs <broker URL>`. Says on stdout, a line each, what it starts
// (`started <id>`) and ends (`ended <id>`), and at last `stopped`. A task ends when the file named in its payload is there.
import { existsSync } from 'node:fs';
import { connect, runUntilSignal, Worker } from '@task-center/engine';

const broker = await connect(process.argv[2]);
const worker = new Worker(broker, { concurrency: 100 });
worker.handle('*', async ({ id, payload }) => {
  process.stdout.write(`started ${id}\n`);
  while (!existsSync(payload)) await new Promise((resolve) => setTimeout(resolve, 20));
  process.stdout.write(`ended ${id}\n`);
});
process.stdout.write('ready\n');
await runUntilSignal(worker);
await broker.close();
process.stdout.write('stopped\n');
