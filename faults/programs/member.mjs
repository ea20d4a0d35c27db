// A process of an experiment: `node member.mjs <broker URL> <JSON of MemberOptions, name and log>`. It produces, works,
// keeps schedules, or all of it. SIGUSR2 stops the producer; SIGTERM stops the process in order. It prints `ready` when its worker has
// started.
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, connect } from '@task-center/engine';
import { openLog } from './log.mjs';
import { produce } from './producer.mjs';
import { keepSchedules } from './scheduler.mjs';
import { work } from './worker.mjs';

const [url, text] = process.argv.slice(2);
const options = JSON.parse(text);
const log = openLog(options.log, options.name);
const REMAINING_INTERVAL_MS = 100;

// A monitor only: Node still ends the process.
process.on('uncaughtExceptionMonitor', (error, origin) => log('crash', { origin, error: String(error) }));
// Without its parent no one would stop it. It also keeps a process alive that waits while its broker is down.
const parent = process.ppid;
setInterval(() => process.ppid !== parent && process.exit(1), 1_000);

const producing = new AbortController();
const stopping = new AbortController();
process.on('SIGUSR2', () => producing.abort());
process.on('SIGTERM', () => {
  producing.abort();
  stopping.abort();
});

/** On SQLite the test cannot open the file meanwhile: the owner logs how many tasks remain. */
async function logRemaining(broker) {
  while (!stopping.signal.aborted) {
    const facts = await broker.inspect.queueFacts(options.work.queues ?? ['default']);
    const remaining = facts.map(
      ({ counts }) => counts.pending + counts.active + counts.retry + counts.scheduled,
    );
    log('remaining', { tasks: remaining.reduce((sum, count) => sum + count, 0) });
    await sleep(REMAINING_INTERVAL_MS);
  }
}

const whenAborted = (signal) =>
  new Promise((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', resolve)));

const broker = await connect(url, { signal: stopping.signal });
const worker = options.work && (await work(broker, options.work, { log, name: options.name }));
const scheduler =
  options.schedules && keepSchedules(broker, options.schedules, { log, signal: stopping.signal });
process.stdout.write('ready\n');
if (options.produce) {
  await produce(new Client(broker), options.produce, { log, name: options.name, signal: producing.signal });
  log('produced');
}
if (worker && options.produce) void logRemaining(broker);
if (worker || scheduler) await whenAborted(stopping.signal);
await scheduler?.stop();
await worker?.stop();
await broker.close();
log('closed', { rss: process.memoryUsage.rss() });
process.exit(0);
