// `node pass-on.mjs <file> <name>`: opens a file, reads what earlier owners left, runs their pending tasks, and leaves tasks of its own in
// several states, whose IDs begin with the name. Prints JSON: the `driver`; `found` and `left`, a line for each task at the beginning
// and at the end; `faults` that fsck finds. It stays until it is killed, which leaves its log beside the file.
import { Client, connect, Events, fsck, Inspector, Worker } from '../../../../dist/index.js';
import { sqliteDriver } from '../../../../dist/brokers/sqlite/thread/driver/choose.js';

const [, , path, name] = process.argv;
const STATES = ['active', 'pending', 'scheduled', 'retry', 'archived', 'completed'];
const broker = await connect(`sqlite:${path}`);
const client = new Client(broker);
const inspector = new Inspector(broker);

/** Every task with what it holds, apart from what the time of this look changes. */
async function readAll() {
  const lines = [];
  for (const state of STATES) {
    for await (const task of inspector.tasks.iterate('default', state)) {
      const { id, payload, result, lastError, retried, headers } = task;
      lines.push(JSON.stringify([state, { id, payload, result, lastError, retried, headers }]));
    }
  }
  return lines.sort();
}

const isUsed = (await inspector.queues.list()).length > 0;
const found = isUsed ? await readAll() : [];

const payload = { text: 'ü \u{1f600}', number: 1.5, large: 'x'.repeat(20_000) };
const events = new Events();
const worker = new Worker(broker, { queues: ['default'], concurrency: 5, runtime: { events } });
const ends = new Map();
/** Resolves when the attempt of a task has ended. */
const untilEnded = (id) => new Promise((resolve) => ends.set(id, resolve));
events.on('attempt.finished', ({ task }) => ends.get(task.id)?.());
worker.handle('*', (task) => {
  if (task.type === 'fail') throw new Error(`${name} fails`);
  return { by: name };
});
const ended = [untilEnded(`${name}-done`), untilEnded(`${name}-dead`)];
await client.enqueue('do', payload, { id: `${name}-done`, retention: '1h', headers: { from: name } });
await client.enqueue('fail', payload, { id: `${name}-dead`, maxRetries: 0 });
await worker.start();
await Promise.all(ended);
await worker.stop();
await client.enqueue('do', payload, { id: `${name}-later`, delay: '1h', retention: '1h' });
await client.enqueue('do', payload, { id: `${name}-unique`, unique: '1h', retention: '1h' });
const { findings } = await fsck(broker, { pause: 0 });
const report = { driver: sqliteDriver().name, found, left: await readAll(), faults: findings };
console.log(JSON.stringify(report));
