// Aggregates many small tasks into one: the news for a reader is collected, and sent as one mail when none was added
// for a second. Run it with: node examples/digest-groups.mjs [broker URL]
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, connect, Worker } from '@task-center/engine';

const url = process.argv[2] ?? `sqlite:${join(mkdtempSync(join(tmpdir(), 'task-center-')), 'tasks.db')}`;
const broker = await connect(url);

const worker = new Worker(broker, {
  aggregation: {
    gracePeriod: '1s',
    // A reader who gets news all the time waits at most this long.
    maxDelay: '10m',
    aggregate({ group, tasks }) {
      const news = tasks.map(({ payload }) => JSON.parse(Buffer.from(payload).toString()));
      return { task: 'mail:digest', payload: { to: group, news } };
    },
  },
});

let remaining = 2;
let allDone;
const done = new Promise((resolve) => (allDone = resolve));

worker.handle('mail:digest', ({ payload: { to, news } }) => {
  console.log(`to ${to}: ${news.join(', ')}`);
  if (--remaining === 0) allDone();
});
await worker.start();

const client = new Client(broker);
for (const [to, news] of [
  ['ada', 'a reply'],
  ['grace', 'a like'],
  ['ada', 'a follower'],
]) {
  await client.enqueue('mail:news', news, { group: to });
}

await done;
await worker.stop();
await broker.close();
