// A worker process that heeds signals: `node signals.mjs <broker URL>`. Says on stdout, a line each, what it starts
// (`started <id>`) and ends (`ended <id>`), and at last `stopped`. A task ends when the file named in its payload is there.
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { connect, runUntilSignal, Worker } from '@task-center/engine';

/** Resolves when the file is there. */
async function appears(file) {
  const watcher = watch(dirname(file));
  while (!existsSync(file)) await once(watcher, 'change');
  watcher.close();
}

const broker = await connect(process.argv[2]);
const worker = new Worker(broker, { concurrency: 100 });
worker.handle('*', async ({ id, payload }) => {
  process.stdout.write(`started ${id}\n`);
  await appears(payload);
  process.stdout.write(`ended ${id}\n`);
});
process.stdout.write('ready\n');
await runUntilSignal(worker);
await broker.close();
process.stdout.write('stopped\n');
