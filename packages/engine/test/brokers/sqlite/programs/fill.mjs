// `node fill.mjs <file> <batches> <payload bytes> [exit]`: enqueues batches of 100 tasks, and prints `stored <tasks>` after each.
// Then it stays until it is killed, or exits without closing the file.
import { connectSqlite } from '../../../../dist/brokers/sqlite/sqlite-broker.js';
import { aTask } from './task.mjs';

const [, , path, batches, bytes, then] = process.argv;
const broker = await connectSqlite({ path });

for (let batch = 0; batch < Number(batches); batch += 1) {
  const tasks = Array.from({ length: 100 }, (_, index) => {
    const id = `${process.pid}-${batch}-${index}`;
    return aTask({ id, type: 'fill', payload: Buffer.alloc(Number(bytes), index) });
  });
  await broker.submit.enqueue(tasks);
  console.log(`stored ${(batch + 1) * 100}`);
}
console.log('full');
if (then === 'exit') process.exit(0);
