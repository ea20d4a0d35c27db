// The Bun side of the benchmark: runs the jobs of a peer and measures them. Each job is a line of JSON on standard input; the
// answer is a line {"ok": {"seconds": …, "cpuSeconds": …}} or {"error": "text"} on standard output.
import { createInterface } from 'node:readline';

const [name, folder, variant] = process.argv.slice(2);
const { open } = await import(`./${name}.mjs`);
const peer = await open(folder, variant);

async function flood({ count, concurrency, payload }) {
  let next = 0;
  const runCalls = async () => {
    while (next < count) {
      next += 1;
      await peer.enqueue(payload);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, runCalls));
}

async function bulk({ count, concurrency, payload }) {
  for (let done = 0; done < count; done += concurrency) {
    await peer.enqueueBulk(Array.from({ length: Math.min(concurrency, count - done) }, () => payload));
  }
}

async function drain({ count, concurrency }) {
  let remaining = count;
  let finish;
  const over = new Promise((resolve) => (finish = resolve));
  const stop = await peer.work(concurrency, () => {
    remaining -= 1;
    if (remaining === 0) finish();
  });
  await over;
  return stop;
}

const JOBS = {
  enqueue: flood,
  bulk,
  process: drain,
  both: async (job) => {
    const drained = drain(job);
    await flood(job);
    return drained;
  },
};

async function measure(job) {
  if (!JOBS[job.kind]) return null;
  const cpu = process.cpuUsage();
  const began = performance.now();
  const stop = await JOBS[job.kind](job);
  const seconds = (performance.now() - began) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await stop?.();
  return { seconds, cpuSeconds: (user + system) / 1e6 };
}

const writeLine = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  try {
    writeLine({ ok: await measure(JSON.parse(line)) });
  } catch (error) {
    writeLine({ error: String(error?.stack ?? error) });
  }
}
await peer.close();
process.exit(0);
