// Starts and controls worker processes. The protocol is described in programs/worker.mjs.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = (name) => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));

/** The module with all peers, for a peer without a module of its own. */
const ALL_PEERS = new URL('peers/index.mjs', import.meta.url).href;

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)[1]) / 1_024;
  return { mb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

/** Memory of a process after a pause of `restMs`, in units of 2^20 bytes. */
export async function restingMemory(pid, restMs = 3_000) {
  await new Promise((resolve) => setTimeout(resolve, restMs));
  return memoryOf(pid);
}

/** Starts a program with a peer; `onMessage` gets its messages. */
export function startProgram(name, [peer, where], onMessage) {
  const child = fork(program(name), [JSON.stringify([peer.module ?? ALL_PEERS, peer.name, where])], {
    stdio: 'inherit',
  });
  child.on('message', onMessage);
  return child;
}

/** Starts a worker process. Its peer is open but does not work yet. */
async function startWorker(peer, where, onReport) {
  const pending = new Map();
  const child = startProgram('worker', [peer, where], (message) => {
    if (message.done) pending.get(message.done)?.();
    else onReport(child, message);
  });
  const whenDone = (command) =>
    new Promise((resolve, reject) => {
      pending.set(command, resolve);
      child.once('exit', () => reject(new Error(`the worker process of ${peer.name} ended`)));
    });
  const send = (message) => {
    const done = whenDone(Object.keys(message)[0]);
    child.send(message);
    return done;
  };
  child.setMaxListeners(20);
  await whenDone('open');
  return {
    pid: child.pid,
    fill: (count, payload) => send({ fill: count, payload }),
    go: (concurrency) => send({ go: concurrency }),
    async stop() {
      const exited = once(child, 'exit');
      await send({ stop: true });
      await exited;
    },
    async kill() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Starts several worker processes of one peer, which are counted together. */
export async function startWorkers(peer, where, count = 1) {
  const last = new Map();
  const watchers = new Set();
  let latencies = [];
  const onReport = (child, report) => {
    last.set(child, report);
    latencies.push(...report.latencies);
    for (const watch of watchers) watch();
  };
  const workers = await Promise.all(Array.from({ length: count }, () => startWorker(peer, where, onReport)));
  const forAll = (action) => Promise.all(workers.map(action));
  const sum = (key) => [...last.values()].reduce((total, report) => total + report[key], 0);
  return {
    pids: workers.map(({ pid }) => pid),
    fill: (taskCount, payload) => workers[0].fill(taskCount, payload),
    go: (concurrency) => forAll((worker) => worker.go(concurrency)),
    started: () => sum('started'),
    cpuSeconds: () => sum('cpuSeconds'),
    lastAt: () => Math.max(...[...last.values()].map(({ lastAt }) => lastAt)),
    /** Returns the latencies since the last call, ms. */
    takeLatencies() {
      const result = latencies;
      latencies = [];
      return result;
    },
    /** Resolves when `taskCount` tasks were started in total. */
    saw: (taskCount) =>
      new Promise((resolve) => {
        const watch = () => {
          if (sum('started') < taskCount) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
    stop: () => forAll((worker) => worker.stop()),
    kill: () => forAll((worker) => worker.kill()),
  };
}
