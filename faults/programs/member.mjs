// A process of an experiment: `node member.mjs <broker URL> <JSON of MemberOptions, name and log>`. It produces, works, or
// both. SIGUSR2: produce no more; SIGTERM: that, and stop in order. Says `ready` when it works.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect } from '@task-center/engine';
import { openLog } from './log.mjs';
import { produce } from './producer.mjs';
import { work } from './worker.mjs';

const [url, text] = process.argv.slice(2);
const options = JSON.parse(text);
const log = openLog(options.log, options.name);
const LEFT_EVERY_MS = 100;

// Node ends the process all the same.
process.on('uncaughtExceptionMonitor', (error, origin) => log('crash', { origin, error: String(error) }));
// Nobody is left to stop it.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000).unref();

const producing = new AbortController();
const stopping = new AbortController();
process.on('SIGUSR2', () => producing.abort());
process.on('SIGTERM', () => {
  producing.abort();
  stopping.abort();
});

/** Where nobody else can look (SQLite), the owner says what is left. */
async function tellWhatIsLeft(broker) {
  while (!stopping.signal.aborted) {
    const facts = await broker.inspect.queueFacts(options.work.queues ?? ['default']);
    const left = facts.map(({ counts }) => counts.pending + counts.active + counts.retry + counts.scheduled);
    log('left', { tasks: left.reduce((sum, count) => sum + count, 0) });
    await sleep(LEFT_EVERY_MS);
  }
}

const whenAborted = (signal) =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', resolve)));

const broker = await connect(url, { signal: stopping.signal });
const worker = options.work && (await work(broker, options.work, { log, name: options.name }));
process.stdout.write('ready\n');
if (options.produce) {
  await produce(new Client(broker), options.produce, { log, name: options.name, signal: producing.signal });
  log('produced');
}
if (worker) {
  if (options.produce) void tellWhatIsLeft(broker);
  await whenAborted(stopping.signal);
  await worker.stop();
}
await broker.close();
log('closed', { rss: process.memoryUsage.rss() });
process.exit(0);
