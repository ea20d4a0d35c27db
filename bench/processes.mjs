// Workers in processes of their own, seen from the process that loads them.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const program = (name) => fileURLToPath(new URL(`programs/${name}.mjs`, import.meta.url));

const EVERYONE = new URL('peers/index.mjs', import.meta.url).href;

function memoryOf(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mb = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)[1]) / 1_024;
  return { mb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

/** Memory of a process that has come to rest, MB (2^20 bytes). */
export async function restingMemory(pid, restMs = 3_000) {
  await new Promise((resolve) => setTimeout(resolve, restMs));
  return memoryOf(pid);
}

/** Starts a program with a peer; `onMessage` gets what it tells. */
export function startProgram(name, [peer, where], onMessage) {
  const child = fork(program(name), [JSON.stringify([peer.module ?? EVERYONE, peer.name, where])], {
    stdio: 'inherit',
  });
  child.on('message', onMessage);
  return child;
}

/** A worker process with an open peer that does not work yet. */
async function startWorker(peer, where, onReport) {
  const acts = new Map();
  const child = startProgram('worker', [peer, where], (message) => {
    if (message.did) acts.get(message.did)?.();
    else onReport(child, message);
  });
  const did = (act) =>
    new Promise((resolve, reject) => {
      acts.set(act, resolve);
      child.once('exit', () => reject(new Error(`the worker process of ${peer.name} ended`)));
    });
  const tell = (message) => {
    const done = did(Object.keys(message)[0]);
    child.send(message);
    return done;
  };
  child.setMaxListeners(20);
  await did('open');
  return {
    pid: child.pid,
    fill: (count, payload) => tell({ fill: count, payload }),
    go: (concurrency) => tell({ go: concurrency }),
    async stop() {
      const exited = once(child, 'exit');
      await tell({ stop: true });
      await exited;
    },
    async kill() {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Several worker processes of one peer, started and counted together. */
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
  const all = (act) => Promise.all(workers.map(act));
  const sum = (key) => [...last.values()].reduce((total, report) => total + report[key], 0);
  return {
    pids: workers.map(({ pid }) => pid),
    fill: (many, payload) => workers[0].fill(many, payload),
    go: (concurrency) => all((worker) => worker.go(concurrency)),
    started: () => sum('started'),
    cpuSeconds: () => sum('cpuSeconds'),
    lastAt: () => Math.max(...[...last.values()].map(({ lastAt }) => lastAt)),
    /** Latencies since it was asked last, ms. */
    takeLatencies() {
      const taken = latencies;
      latencies = [];
      return taken;
    },
    /** Resolves once so many tasks were started in all. */
    saw: (wanted) =>
      new Promise((resolve) => {
        const watch = () => {
          if (sum('started') < wanted) return;
          watchers.delete(watch);
          resolve();
        };
        watchers.add(watch);
        watch();
      }),
    stop: () => all((worker) => worker.stop()),
    kill: () => all((worker) => worker.kill()),
  };
}
