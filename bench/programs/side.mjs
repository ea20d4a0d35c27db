// node bench/programs/side.mjs <checkout>: one side of a comparison. It runs rounds of that checkout's own benchmark on a Redis
// of its own. Each request is a line of JSON on standard input, `{ "job", "peer", "scale" }`; the answer is the rate in tasks/s.
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import path from 'node:path';

const checkout = path.resolve(process.argv[2]);
const load = (file) => import(pathToFileURL(path.join(checkout, 'bench', file)).href);
const [{ engine }, ours, { startRedis }] = await Promise.all([
  load('scenarios/engine.mjs'),
  load('peers/task-center.mjs'),
  load('redis.mjs'),
]);
const peers = Object.values(ours);
const redis = await startRedis('none');
/** The scenario wants to start and stop a Redis. Here all rounds share one. */
const shared = { ...redis, stop: () => Promise.resolve() };

async function measureRound({ job, peer, scale }) {
  const { tables } = await engine({
    startRedis: () => Promise.resolve(shared),
    peers: peers.filter(({ name }) => name === peer),
    rounds: 1,
    scale,
    jobs: (name) => name === job,
    persistence: 'none',
  });
  return tables[0].rows[0]['tasks/s'];
}

process.send?.('ready');
for await (const line of createInterface({ input: process.stdin })) {
  try {
    process.stdout.write(`${JSON.stringify({ ok: await measureRound(JSON.parse(line)) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: error.stack })}\n`);
  }
}
await redis.stop();
