// `node load.mjs <file> <batch size>`: enqueues batches, takes tasks and finishes half of them, until it is killed. Prints a
// line for each acknowledgement: `stored <batch>`, `taken <id> …`, `done <id> …`.
import { connectSqlite } from '../../../../dist/brokers/sqlite/sqlite-broker.js';
import { aTask } from './task.mjs';

const [, , path, size] = process.argv;
const broker = await connectSqlite({ path });

const task = (id) => aTask({ id, type: 'load', payload: Buffer.alloc(300, id) });

async function enqueue() {
  for (let batch = 0; ; batch += 1) {
    await broker.submit.enqueue(
      Array.from({ length: Number(size) }, (_, index) => task(`b${batch}-${index}`)),
    );
    console.log(`stored ${batch}`);
  }
}

async function work() {
  let held = [];
  for (;;) {
    const finished = held.splice(0, held.length / 2);
    const finishes = finished.map((leased) => ({
      task: leased,
      outcome: 'succeeded',
      result: null,
      record: { number: leased.attempt, startedMs: 0, finishedMs: 0, outcome: 'succeeded' },
    }));
    const exchange = { finishes, queues: ['default'], room: 10, leaseMs: 60_000, worker: 'load' };
    const { tasks } = await broker.consume.exchange(exchange);
    if (finished.length > 0) console.log('done', ...finished.map(({ id }) => id));
    if (tasks.length > 0) console.log('taken', ...tasks.map(({ id }) => id));
    held = [...held, ...tasks].slice(-40);
  }
}

await Promise.all([enqueue(), work()]);
