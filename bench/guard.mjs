// npm run bench:guard [-- --record]: a short run that fails when Task Center has clearly lost speed. It compares the ratios to
// BullMQ in the same run with those in guard.json. Absolute rates are not compared: machines differ, and those of CI are shared.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bullmq } from './peers/bullmq.mjs';
import { taskCenterRedis, taskCenterSqlite } from './peers/task-center.mjs';
import { startRedis } from './redis.mjs';
import { table } from './report.mjs';
import { engine } from './scenarios/engine.mjs';

const RECORD = fileURLToPath(new URL('guard.json', import.meta.url));
const JOBS = [
  'enqueue, 100 in flight',
  'enqueue in bulk of 1,000',
  'process, concurrency 10',
  'process, concurrency 100',
];
const ROUNDS = 3;
const SCALE = 0.2;
/**
 * A ratio below this share of the recorded one in every attempt is a loss. A shared disk varies more than a Redis without
 * persistence.
 */
const CLEAR_LOSS = { redis: 0.6, file: 0.4 };
const ATTEMPTS = 3;
/** No attempt begins after this time. */
const BUDGET_MS = 45_000;

const OURS = [taskCenterRedis, taskCenterSqlite];
const keyOf = ({ scenario, peer }) => `${peer}: ${scenario}`;

/** Measures these jobs; resolves to our ratios to BullMQ. */
async function ratios(names) {
  const options = { startRedis, rounds: ROUNDS, scale: SCALE, persistence: 'none' };
  const peers = [taskCenterRedis, bullmq, taskCenterSqlite];
  const { tables } = await engine({ ...options, peers, jobs: (name) => names.includes(name) });
  const rows = tables[0].rows.filter(({ peer }) => peer !== bullmq.name);
  return new Map(rows.map((row) => [keyOf(row), row['× BullMQ']]));
}

/** Stores the present ratios in guard.json. */
async function record() {
  const found = await ratios(JOBS);
  const kept = Object.fromEntries([...found].map(([key, ratio]) => [key, Number(ratio.toFixed(2))]));
  writeFileSync(RECORD, `${JSON.stringify(kept, null, 2)}\n`);
}

/** Runs every job once, and repeats those that seem to have lost speed. */
async function compare() {
  const kept = JSON.parse(readFileSync(RECORD, 'utf8'));
  const rows = JOBS.flatMap((scenario) =>
    OURS.map(({ name: peer, store }) => {
      const key = keyOf({ scenario, peer });
      return { scenario, peer, kept: kept[key], least: kept[key] * CLEAR_LOSS[store], best: 0 };
    }),
  );
  const lost = () => rows.filter(({ best, least }) => best < least);
  const began = performance.now();
  for (let attempt = 0; attempt < ATTEMPTS && lost().length > 0; attempt += 1) {
    if (performance.now() - began > BUDGET_MS) break;
    const found = await ratios(lost().map(({ scenario }) => scenario));
    for (const row of rows) row.best = Math.max(row.best, found.get(keyOf(row)) ?? 0);
  }
  console.log(`× BullMQ, best of up to ${ATTEMPTS} attempts\n\n${table(rows)}`);
  if (lost().length === 0) return;
  console.log(`\nA clear loss of speed: ${lost().map(keyOf).join('; ')}.`);
  console.log('If this is intended: npm run bench:guard -- --record, on an otherwise idle machine.');
  process.exitCode = 1;
}

await (process.argv.includes('--record') ? record() : compare());
