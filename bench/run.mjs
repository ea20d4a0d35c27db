// npm run bench -- [scenario ... | all] [options]: compares Task Center with its peers in one run.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { write } from './document.mjs';
import { machine } from './machine.mjs';
import { MAX_PAUSE_MS, takePauses } from './pauses.mjs';
import { peers as everyPeer } from './peers/index.mjs';
import { startRedis } from './redis.mjs';
import { compareWithReference } from './regression.mjs';
import { print } from './report.mjs';
import { backlog } from './scenarios/backlog.mjs';
import { callbacks } from './scenarios/callbacks.mjs';
import { crash } from './scenarios/crash.mjs';
import { delay } from './scenarios/delay.mjs';
import { engine } from './scenarios/engine.mjs';
import { latency } from './scenarios/latency.mjs';
import { memory } from './scenarios/memory.mjs';
import { processes } from './scenarios/processes.mjs';
import { schedules } from './scenarios/schedules.mjs';
import { takesLong } from './scenarios/workers.mjs';
import { evaluate } from './targets.mjs';

const scenarios = { engine, latency, delay, backlog, memory, processes, crash, callbacks, schedules };
/** The Redis configurations of each value of --persistence. */
const PERSISTENCE = { none: ['none'], aof: ['aof'], both: ['none', 'aof'] };

const HELP = `npm run bench -- [scenario ...] [options]

Scenarios: ${Object.keys(scenarios).join(', ')}; all (default: engine)
To compare with an earlier commit: npm run bench -- regression --help

  --json               one JSON object as the last line
  --rounds <n>         rounds of each job (5)
  --scale <factor>     tasks in each round, as a factor of the usual count (1)
  --only <names>       only peers whose names contain one of these, separated by commas; without it
                       the longer scenarios compare only Task Center and BullMQ
  --job <text>         only jobs of the scenario "engine" whose names contain this
  --persistence <how>  none, aof (synced every second) or both (none; with "all" both); "both" and
                       "aof" are for the scenario "engine", "aof" alone for the others too
  --out <file>         write what --json prints
  --from <file>        measure nothing; read what --out wrote
  --write              write docs/performance.md and docs/performance.svg
`;

function fail(text) {
  console.error(text);
  process.exit(2);
}

/** Parses the command line. Prints the help if asked to, and exits with 2 for an unknown scenario or persistence. */
function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      only: { type: 'string', default: '' },
      job: { type: 'string', default: '' },
      persistence: { type: 'string' },
      out: { type: 'string' },
      from: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const given = positionals.length === 0 ? ['engine'] : positionals;
  const isAll = given.includes('all');
  const names = isAll ? Object.keys(scenarios) : given;
  const unknown = names.find((name) => !scenarios[name]);
  const persistence = values.persistence ?? (isAll ? 'both' : 'none');
  if (values.help) {
    console.log(HELP);
    process.exit(0);
  }
  if (unknown) fail(`There is no scenario "${unknown}".\n\n${HELP}`);
  if (!PERSISTENCE[persistence]) fail(`There is no persistence "${persistence}".\n\n${HELP}`);
  return { ...values, persistence, rounds: Number(values.rounds), scale: Number(values.scale), names };
}

/** Selects the peers for these scenarios that can run on this machine; `missing` says why others cannot. */
async function selectPeers({ only, names }) {
  const filters = only
    .toLowerCase()
    .split(',')
    .filter((filter) => filter !== '');
  const peers = [];
  const missing = [];
  for (const peer of everyPeer) {
    if (filters.length > 0 && !filters.some((filter) => peer.name.toLowerCase().includes(filter))) continue;
    const isLongOnly = filters.length === 0 && !names.includes('engine');
    if (isLongOnly && !takesLong(peer) && !names.includes(peer.only)) continue;
    if (peer.only && !names.includes(peer.only)) continue;
    const why = await peer.needs?.();
    if (why) missing.push({ peer: peer.name, why });
    else peers.push(peer);
  }
  return { peers, missing };
}

/** Runs one scenario. `engine` runs with each requested persistence, the others with the first. */
async function tablesOf(name, options) {
  const modes = PERSISTENCE[options.persistence];
  const tables = [];
  for (const persistence of name === 'engine' ? modes : modes.slice(0, 1)) {
    // Peers without Redis are measured only once.
    const peers = modes[0] === persistence ? options.peers : options.peers.filter((p) => p.store === 'redis');
    console.error(`${name}, Redis persistence ${persistence} …`);
    const participants = peers.filter(({ only }) => only === undefined || only === name);
    const scenarioOptions = {
      ...options,
      peers: participants,
      persistence,
      startRedis: () => startRedis(persistence),
    };
    tables.push(...(await scenarios[name](scenarioOptions)).tables);
  }
  return tables;
}

/** Runs the scenarios; resolves to the results without the targets. */
async function measureAll({ names, rounds, scale, only, job, persistence }) {
  const { peers, missing } = await selectPeers({ only, names });
  for (const { peer, why } of missing) console.error(`Without ${peer}: ${why}`);
  const machineFacts = machine();
  const tables = [];
  const pauses = [];
  const jobs = (name) => name.includes(job);
  for (const name of names) {
    const options = { rounds, scale, jobs, persistence, peers, named: only !== '' };
    tables.push(...(await tablesOf(name, options)));
    pauses.push(...takePauses(name));
  }
  if (pauses.length > 0) {
    tables.push({
      id: 'pauses',
      title: `What held Redis for more than ${MAX_PAUSE_MS} ms`,
      rows: pauses,
    });
  }
  const setups = peers.map(({ name, setup }) => ({ name, setup }));
  const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ --out[ =]\S+/, '');
  return { command, machine: machineFacts, rounds, scale, tables, peers: setups, missing };
}

/** The command `npm run bench -- [scenario …]`. */
async function compareScenarios() {
  const options = readOptions();
  const measured = options.from ? JSON.parse(readFileSync(options.from, 'utf8')) : await measureAll(options);
  const run = { ...measured, targets: evaluate(measured.tables) };
  print(run, { json: options.json });
  if (options.out) writeFileSync(options.out, `${JSON.stringify(run)}\n`);
  if (options.write) await write(run);
}

const [, , first, ...rest] = process.argv;
if (first === 'regression') await compareWithReference(rest);
else await compareScenarios();
