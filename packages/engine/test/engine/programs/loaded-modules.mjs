// Runs a task, and prints the packages of OpenTelemetry that were loaded for that. Argument: the file of the broker.
import { createRequire } from 'node:module';
import { Client, connect, Events, Worker } from '@task-center/engine';

const broker = await connect(`sqlite:${process.argv[2]}`);
const events = new Events();
const ended = new Promise((resolve) => events.on('attempt.finished', resolve));
const worker = new Worker(broker, { runtime: { events } });
await worker.handle('a', () => {}).start();
await new Client(broker).enqueue('a');
await ended;
await worker.stop();
await broker.close();
// They are CommonJS, which Node keeps here.
const loaded = Object.keys(createRequire(import.meta.url).cache).flatMap(
  (path) => /@opentelemetry[\\/][^\\/]+/.exec(path) ?? [],
);
console.log([...new Set(loaded)].join(' '));
