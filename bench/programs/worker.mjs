// A worker process. Its parent sends commands over IPC: `{ fill: count, payload }`, `{ go: concurrency }`, `{ stop: true }`. It answers
// each with `{ done: command }`, and reports the tasks it started: `{ started, latencies, lastAt, cpuSeconds }`.
import { fill } from '../measure.mjs';
import { nowMs } from '../clock.mjs';

/** Tasks are reported at most once in this time: a message per task would cost more than running it. */
const REPORT_MS = 20;

const [module, name, where] = JSON.parse(process.argv[2]);
// Loads only this peer: the memory of others must not count.
const peer = await Object.values(await import(module))
  .flat()
  .find((candidate) => candidate.name === name)
  .open(where);
const forever = new Promise(() => {});
let cpuAtStart = process.cpuUsage();
let started = 0;
let latencies = [];
let lastAt = 0;
let timer;
let stop = async () => {};

function report() {
  timer = undefined;
  const { user, system } = process.cpuUsage(cpuAtStart);
  process.send({ started, latencies, lastAt, cpuSeconds: (user + system) / 1e6 });
  latencies = [];
}

/** Payload fields: `at` = when the task was enqueued; `neverEnds` = its handler never ends. */
function onTask({ at, neverEnds }) {
  lastAt = nowMs();
  if (at !== undefined) latencies.push(lastAt - at);
  started += 1;
  timer ??= setTimeout(report, REPORT_MS);
  return neverEnds ? forever : undefined;
}

const commands = {
  fill: ({ fill: count, payload }) => fill(peer, count, payload),
  async go({ go: concurrency }) {
    cpuAtStart = process.cpuUsage();
    stop = await peer.work(concurrency, onTask);
  },
  async stop() {
    await stop();
    await peer.close();
  },
};

async function execute(message) {
  const [command] = Object.keys(message);
  await commands[command](message);
  process.send({ done: command });
  if (command === 'stop') process.disconnect();
}

process.on('message', (message) => void execute(message));
process.send({ done: 'open' });
