import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { once, reason, run } from './install.mjs';
import { openProgram } from './program.mjs';

const home = fileURLToPath(new URL('../bun', import.meta.url));
const packages = path.join(home, 'node_modules');

/** The npm packages of Bun contain the binary: no install script has to run. */
function bunPath() {
  const vendor = path.join(packages, '@oven');
  const builds = existsSync(vendor) ? readdirSync(vendor) : [];
  const found = builds.map((name) => path.join(vendor, name, 'bin', 'bun')).filter(existsSync);
  return found[0] ?? null;
}

/** Installs the peers' packages (100 MB) beside their programs, not with those of this repository. */
const install = once(async () => {
  try {
    if (!bunPath()) await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: home });
    await run(bunPath() ?? 'bun', ['--version']);
    return null;
  } catch (error) {
    return `it needs the runtime Bun, which cannot be installed here: ${reason(error)}`;
  }
});

const onBun = ({ name, setup }, ...args) => ({
  name,
  setup: `${setup} On Bun 1.4, in a program of its own, which measures itself.`,
  store: 'file',
  needs: install,
  open: async ({ folder }) =>
    openProgram(bunPath() ?? 'bun', [path.join(home, 'main.mjs'), args[0], folder, ...args.slice(1)]),
});

/** Runs on Bun: on Node it needs better-sqlite3, which either has an install script or does not run on Node 20. */
export const plainjob = onBun(
  {
    name: 'plainjob',
    setup:
      'WAL with `synchronous=NORMAL` as it sets itself: it syncs nothing before it acknowledges; `addMany` for bulk; a worker for each task at once; it has no retries, and keeps finished jobs up to a minute.',
  },
  'plainjob',
);

const BUNQUEUE =
  'embedded, with a file; four attempts with exponential backoff, `removeOnComplete`, `addBulk`, `batchSize` up to 100';

export const bunqueue = onBun(
  {
    name: 'bunqueue',
    setup: `${BUNQUEUE}; writes buffered up to 10 ms, its default: what it has acknowledged may be lost with the process.`,
  },
  'bunqueue',
);

export const bunqueueDurable = onBun(
  {
    name: 'bunqueue (durable)',
    setup: `${BUNQUEUE}, and \`durable\`: a task is in the database when it is acknowledged, unsynced.`,
  },
  'bunqueue',
  'durable',
);
