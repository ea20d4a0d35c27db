// A worker process that handles signals: `node signals.mjs <broker URL>`. It prints a line at the start (`started <id>`) and
// at the end (`ended <id>`) of each attempt, and `stopped` as its last one. An attempt ends when the file that is named in
// the payload exists.
import { once } from 'node:events';
import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';
import { connect, runUntilSignal, Worker } from '@task-center/engine';

/** Resolves when the file exists. */
async function waitForFile(file) {
  const watcher = watch(dirname(file));
  while (!existsSync(file)) await once(watcher, 'change');
  watcher.close();
}

const broker = await connect(process.argv[2]);
const worker = new Worker(broker, { concurrency: 100 });
worker.handle('*', async ({ id, payload }) => {
  process.stdout.write(`started ${id}\n`);
  await waitForFile(payload);
  process.stdout.write(`ended ${id}\n`);
});
process.stdout.write('ready\n');
await runUntilSignal(worker);
await broker.close();
process.stdout.write('stopped\n');
