// The Bun side of the benchmark: a peer does what it is told and is measured inside. A call a line, as JSON, on standard
// input; one line {"ok": {"seconds": …, "cpuSeconds": …}} or {"error": "text"} on standard output.
import { createInterface } from 'node:readline';

const [name, folder, variant] = process.argv.slice(2);
const { open } = await import(`./${name}.mjs`);
const peer = await open(folder, variant);

async function flood({ count, concurrency, payload }) {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await peer.enqueue(payload);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, lane));
}

async function bulk({ count, concurrency, payload }) {
  for (let done = 0; done < count; done += concurrency) {
    await peer.enqueueBulk(Array.from({ length: Math.min(concurrency, count - done) }, () => payload));
  }
}

async function drain({ count, concurrency }) {
  let left = count;
  let finish;
  const over = new Promise((resolve) => (finish = resolve));
  const stop = await peer.work(concurrency, () => {
    left -= 1;
    if (left === 0) finish();
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

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

for await (const line of createInterface({ input: process.stdin })) {
  try {
    say({ ok: await measure(JSON.parse(line)) });
  } catch (error) {
    say({ error: String(error?.stack ?? error) });
  }
}
await peer.close();
process.exit(0);
