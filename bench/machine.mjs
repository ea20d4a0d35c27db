import { spawnSync } from 'node:child_process';
import os from 'node:os';

/** The longest pause of an empty loop within a second, ms. Shorter pauses of a program are the machine's. */
function longestStall() {
  const end = performance.now() + 1_000;
  let longest = 0;
  for (let last = performance.now(); last < end;) {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
  }
  return Number(longest.toFixed(2));
}

const redisVersion = () =>
  / v=(\S+)/.exec(spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout ?? '')?.[1] ??
  'unknown';

/** The facts that a reader needs to judge a figure. */
export const machine = () => ({
  date: new Date().toISOString().slice(0, 10),
  processor: os.cpus()[0]?.model ?? 'unknown',
  cores: os.cpus().length,
  'memory GB': Math.round(os.totalmem() / 2 ** 30),
  kernel: os.release(),
  Node: process.version,
  Redis: redisVersion(),
  'longest stall of an empty loop in a second, ms': longestStall(),
});
