// npm run bench:guard [-- --record]: a short run that fails when ours has clearly lost speed. It compares ratios to BullMQ in the same run
// with those that are kept in guard.json, never times: machines differ, and CI's are shared.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bullmq } from './peers/bullmq.mjs';
import { taskCenterRedis, taskCenterSqlite } from './peers/task-center.mjs';
import { startRedis } from './redis.mjs';
import { table } from './report.mjs';
import { engine } from './scenarios/engine.mjs';

const KEPT = fileURLToPath(new URL('guard.json', import.meta.url));
const JOBS = [
  'enqueue, 100 in flight',
  'enqueue in bulk of 1,000',
  'process, concurrency 10',
  'process, concurrency 100',
];
const ROUNDS = 3;
const SCALE = 0.2;
/** A ratio that fell below this share of the kept one in every attempt is a loss. A disk that others use swings more than a Redis. */
const CLEAR_LOSS = { redis: 0.6, file: 0.4 };
const ATTEMPTS = 3;
/** No attempt begins later than this. */
const BUDGET_MS = 45_000;

const OURS = [taskCenterRedis, taskCenterSqlite];
const keyOf = ({ scenario, peer }) => `${peer}: ${scenario}`;

async function ratios(names) {
  const options = { startRedis, rounds: ROUNDS, scale: SCALE, persistence: 'none' };
  const peers = [taskCenterRedis, bullmq, taskCenterSqlite];
  const { tables } = await engine({ ...options, peers, jobs: (name) => names.includes(name) });
  const rows = tables[0].rows.filter(({ peer }) => peer !== bullmq.name);
  return new Map(rows.map((row) => [keyOf(row), row['× BullMQ']]));
}

async function record() {
  const found = await ratios(JOBS);
  const kept = Object.fromEntries([...found].map(([key, ratio]) => [key, Number(ratio.toFixed(2))]));
  writeFileSync(KEPT, `${JSON.stringify(kept, null, 2)}\n`);
}

/** Every job once, those that seem to have lost again. */
async function compare() {
  const kept = JSON.parse(readFileSync(KEPT, 'utf8'));
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
  console.log('If it is meant to be: npm run bench:guard -- --record, on a machine that does nothing else.');
  process.exitCode = 1;
}

await (process.argv.includes('--record') ? record() : compare());
