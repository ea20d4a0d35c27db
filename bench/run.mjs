// npm run bench -- [scenario | all] [options]: compares Task Center with its peers in one run.
import { parseArgs } from 'node:util';
import { peers as everyPeer } from './peers/index.mjs';
import { startRedis } from './redis.mjs';
import { print } from './report.mjs';
import { backlog } from './scenarios/backlog.mjs';
import { crash } from './scenarios/crash.mjs';
import { delay } from './scenarios/delay.mjs';
import { engine } from './scenarios/engine.mjs';
import { latency } from './scenarios/latency.mjs';
import { memory } from './scenarios/memory.mjs';
import { processes } from './scenarios/processes.mjs';

const scenarios = { engine, latency, delay, backlog, memory, processes, crash };

const HELP = `npm run bench -- [scenario ...] [options]

Scenarios: ${Object.keys(scenarios).join(', ')}; all (default: engine)

  --json               one JSON object as the last line
  --rounds <n>         rounds of each job (5)
  --scale <factor>     tasks in each round, as a factor of the usual count (1)
  --only <names>       peers whose names contain one of these, separated by commas
  --job <text>         jobs of the scenario "engine" whose names contain this
  --persistence <how>  none or aof (none)
`;

function fail(text) {
  console.error(text);
  process.exit(2);
}

function read() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      job: { type: 'string', default: '' },
      persistence: { type: 'string', default: 'none' },
      help: { type: 'boolean', default: false },
    },
  });
  const names = positionals.length === 0 ? ['engine'] : positionals;
  const wanted = names.includes('all') ? Object.keys(scenarios) : names;
  const unknown = wanted.find((name) => !scenarios[name]);
  if (values.help) fail(HELP);
  if (unknown) fail(`There is no scenario "${unknown}".\n\n${HELP}`);
  return { ...values, rounds: Number(values.rounds), scale: Number(values.scale), wanted };
}

/** The peers that are wanted and can run here, and why others cannot. */
async function choose(only) {
  const words = only
    .toLowerCase()
    .split(',')
    .filter((word) => word !== '');
  const peers = [];
  const missing = [];
  for (const peer of everyPeer) {
    if (words.length > 0 && !words.some((word) => peer.name.toLowerCase().includes(word))) continue;
    const why = await peer.needs?.();
    if (why) missing.push({ peer: peer.name, why });
    else peers.push(peer);
  }
  return { peers, missing };
}

const { wanted, json, only, ...options } = read();
const { peers, missing } = await choose(only);
for (const { peer, why } of missing) console.error(`Without ${peer}: ${why}`);
const tables = [];
for (const name of wanted) {
  const how = { ...options, peers, startRedis: () => startRedis(options.persistence) };
  const report = await scenarios[name](how);
  tables.push(...report.tables);
}
print({ scenarios: wanted, ...options, missing, tables }, { json });
