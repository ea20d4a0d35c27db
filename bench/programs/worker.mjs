// A worker in a process of its own, driven over IPC: `{ fill, payload }`, `{ go: concurrency }`, `{ stop: true }`. It answers each with its
// name, and tells of the tasks it started: `{ started, latencies, lastAt, cpuSeconds }`.
import { fill } from '../measure.mjs';
import { nowMs } from '../clock.mjs';

/** Reports are gathered so long, so that telling of tasks does not cost more than running them. */
const REPORT_MS = 20;

const [module, name, where] = JSON.parse(process.argv[2]);
// Only this peer, so that the memory is its own.
const peer = await Object.values(await import(module))
  .flat()
  .find((one) => one.name === name)
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

/** `at`: when it was enqueued; `hold`: it never ends; `n`: its number, to be told of. */
function onTask({ at, hold }) {
  lastAt = nowMs();
  if (at !== undefined) latencies.push(lastAt - at);
  started += 1;
  timer ??= setTimeout(report, REPORT_MS);
  return hold ? forever : undefined;
}

const acts = {
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

async function obey(message) {
  const [act] = Object.keys(message);
  await acts[act](message);
  process.send({ did: act });
  if (act === 'stop') process.disconnect();
}

process.on('message', (message) => void obey(message));
process.send({ did: 'open' });
