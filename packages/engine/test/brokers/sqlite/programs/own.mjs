// `node own.mjs <file> [milliseconds]`: opens the file and enqueues a task each 50 ms. Prints `open` or the error's code, `stored <n>`,
// `refused <code>`, and `found <code>` or `ended <code>` for findings. Exits after the time, without closing the file.
import { randomUUID } from 'node:crypto';
import { connect, Events } from '../../../../dist/index.js';
import { aTask } from './task.mjs';

const [, , path, ms] = process.argv;
const events = new Events();
events.on('broker.finding', ({ code, hasEnded }) => console.log(hasEnded ? 'ended' : 'found', code));
const broker = await connect(`sqlite:${path}`, { runtime: { events } }).catch((error) => {
  console.log(error.code);
  process.exit(1);
});
console.log('open');
if (ms !== undefined) setTimeout(() => process.exit(0), Number(ms));
let stored = 0;
for (;;) {
  await broker.submit.enqueue([aTask({ id: randomUUID(), type: 'own' })]).then(
    () => console.log('stored', (stored += 1)),
    ({ code }) => console.log('refused', code),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
}
