// Writes the generated files, or with --check exits with 1 and names those that are stale. What is made of packages that are
// not among the project's own is left alone where they are missing; --fetch gets them first.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateCalendar } from './calendars/generate.mjs';
import { hasSources } from './calendars/sources.mjs';
import { eventsPage } from './events/generate.mjs';
import { generateScripts } from './lua/generate.mjs';
import { dashboardFile } from './metrics/dashboard.mjs';
import { metricsPage } from './metrics/page.mjs';
import { rulesFile } from './metrics/rules.mjs';
import { fetchCalendars } from './test-tools.mjs';
import { fail } from './tools.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const brokers = 'packages/engine/src/brokers';
/** A folder for each facet, and the preludes beside them. */
const scriptsFolder = `${brokers}/redis/scripts`;

/**
 * The generated files: the path of each, relative to the project's root, the function that returns its text, and whether what
 * it needs is here (default: yes).
 */
const entries = [
  { path: `${scriptsFolder}/lua.generated.ts`, generate: generateLua },
  { path: `${brokers}/sqlite/migrations/migrations.generated.ts`, generate: generateMigrations },
  {
    path: 'packages/model/src/calendars/cn.generated.ts',
    generate: generateCalendar,
    isPossible: hasSources,
  },
  { path: 'docs/events.md', generate: generateEvents },
  { path: 'etc/taskcenter.yaml', generate: () => generateFromSettings('sampleYaml') },
  { path: 'docs/configuration.md', generate: () => generateFromSettings('referencePage') },
  { path: 'docs/metrics.md', generate: () => generateFromMetrics(metricsPage) },
  { path: 'etc/prometheus-rules.yaml', generate: () => generateFromMetrics(rulesFile) },
  { path: 'etc/grafana-dashboard.json', generate: () => generateFromMetrics(dashboardFile) },
];

const HEADER = '// Made by scripts/generate.mjs; do not edit.\n';
const read = (...path) => readFileSync(join(root, ...path), 'utf8');
const filesIn = (folder, ending) =>
  readdirSync(join(root, folder))
    .filter((f) => f.endsWith(ending))
    .sort();

function generateLua() {
  const scripts = readdirSync(join(root, scriptsFolder), { recursive: true })
    .filter((path) => path.endsWith('.lua'))
    .sort((a, b) => (a < b ? -1 : 1));
  return HEADER + generateScripts(new Map(scripts.map((path) => [path, read(scriptsFolder, path)])));
}

function generateMigrations() {
  const folder = `${brokers}/sqlite/migrations`;
  const migrations = filesIn(folder, '.sql').map((file) => {
    const match = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
    if (!match) throw new Error(`${file}: expected a name such as 0001-initial.sql`);
    const [, number, name] = match;
    return `  { version: ${Number(number)}, name: '${name}', sql: ${JSON.stringify(read(folder, file))} },\n`;
  });
  return `${HEADER}export const migrations = [\n${migrations.join('')}] as const;\n`;
}

/** Both files declare events, by area. */
function generateEvents() {
  const runtime = 'packages/engine/src/runtime';
  return eventsPage(['task-events.ts', 'upkeep-events.ts'].map((file) => read(runtime, file)));
}

/** Builds a package: what is made of its values needs them as JavaScript. */
function build(folder) {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-b', folder], { cwd: root, stdio: 'inherit' });
}

/** What is made of the definitions of the metrics. They come from the engine, which is built first. */
async function generateFromMetrics(write) {
  build('packages/engine');
  const url = new URL('../packages/engine/dist/metrics/definitions/all.js', import.meta.url);
  return write((await import(url)).DEFINITIONS);
}

/** The sample configuration, or the reference. They come from the schema of the server, which is built first. */
async function generateFromSettings(name) {
  build('packages/server');
  const sample = await import(new URL('../packages/server/dist/config/sample.js', import.meta.url));
  return sample[name]();
}

const check = process.argv.includes('--check');
if (process.argv.includes('--fetch') && !hasSources()) {
  await fetchCalendars();
  if (!hasSources())
    fail('The packages of the calendar cn could not be fetched. Check the network, then try again.');
}
const stale = [];
for (const { path, generate, isPossible = () => true } of entries) {
  if (!isPossible()) continue;
  const text = await Promise.resolve(generate());
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
for (const path of stale) console.log(check ? `${path} is stale: run npm run generate` : `wrote ${path}`);
if (check && stale.length > 0) process.exitCode = 1;
