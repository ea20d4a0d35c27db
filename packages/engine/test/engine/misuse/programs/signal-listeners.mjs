// 11 workers in one process, each with its own listeners for signals: `node signal-listeners.mjs <broker URL>`.
import { connect, runUntilSignal, Worker } from '@task-center/engine';

const [url] = process.argv.slice(2);
process.on('warning', ({ name, message }) => process.stdout.write(`${name}: ${message}\n`));
const broker = await connect(url);
const workers = Array.from({ length: 11 }, () => new Worker(broker).handle('x', () => {}));
const running = workers.map((worker) => runUntilSignal(worker));
await broker.ping();
process.stdout.write('ready\n');
await Promise.all(running);
await broker.close();
process.stdout.write(`stopped ${running.length}\n`);
