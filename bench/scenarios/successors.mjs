// Fires that wait for the run before them (`overlap: queue`): how soon after its end the next run starts.
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, Schedules, Worker } from '@task-center/engine';
import { largest, percentile, spread } from '../report.mjs';

const SCHEDULES = 20;
const RUNS = 4;
const QUEUE = 'successors';
/** Longer than the interval of the schedules: a fire waits whenever a run ends. */
const RUN_MS = 1_300;

/** The time from the end of each run to the start of the next one. */
export async function successors(peer, url) {
  const broker = await connect(url, { log: false });
  const kept = new Schedules(broker);
  const lastEnd = new Map();
  const gaps = [];
  const worker = new Worker(broker, { queues: [QUEUE], concurrency: SCHEDULES });
  worker.handle('bench', async ({ headers }) => {
    const id = headers['tc-schedule-id'];
    if (lastEnd.has(id)) gaps.push(performance.now() - lastEnd.get(id));
    await sleep(RUN_MS);
    lastEnd.set(id, performance.now());
  });
  await worker.start();
  const task = { task: 'bench', queue: QUEUE };
  for (let i = 0; i < SCHEDULES; i += 1)
    await kept.put({ id: `s-${i}`, every: '1s', overlap: 'queue', maxRuns: RUNS, task });
  const expected = SCHEDULES * (RUNS - 1);
  const untilMs = Date.now() + 60_000;
  while (gaps.length < expected && Date.now() < untilMs) await sleep(50);
  await worker.stop();
  await broker.close();
  return {
    peer,
    successors: gaps.length,
    missing: expected - gaps.length,
    'p50 ms': spread(gaps).median,
    'p99 ms': percentile(gaps, 0.99),
    'max ms': largest(gaps),
  };
}
