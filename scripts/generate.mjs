// Writes the generated files, or with --check exits with 1 and names those that are stale.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const brokers = 'packages/engine/src/brokers';
/** A folder for each facet, and the preludes beside them. */
const scriptsFolder = `${brokers}/redis/scripts`;

/** Files: each entry names one and makes its text, both relative to the project's root. Add others here. */
const entries = [
  { path: `${scriptsFolder}/lua.generated.ts`, make: makeLua },
  { path: `${brokers}/sqlite/migrations/migrations.generated.ts`, make: makeMigrations },
  { path: 'etc/taskcenter.yaml', make: makeSample },
];

const HEAD = '// Made by scripts/generate.mjs; do not edit.\n';
const read = (...path) => readFileSync(join(root, ...path), 'utf8');
const filesIn = (folder, ending) =>
  readdirSync(join(root, folder))
    .filter((f) => f.endsWith(ending))
    .sort();
const camelCase = (name) => name.replace(/-+(.)/g, (_, letter) => letter.toUpperCase());

/** Whole-line comments and blank lines go; everything else stays as written. */
function stripped(text) {
  return text
    .split('\n')
    .filter((line) => !/^\s*(--.*)?$/.test(line))
    .join('\n');
}

function prelude(name) {
  const text = read(scriptsFolder, 'prelude', `${name}.lua`);
  if (/^-- @use\b/m.test(text)) throw new Error(`prelude ${name}.lua uses another prelude`);
  return stripped(text);
}

/**
 * A script with its preludes (`-- @use time receipt` in line one) before it; a shebang line comes first of all. `name(a b)` makes
 * a function of some, whose last one uses its arguments and returns: each call of a script makes its functions anew, and
 * what most calls do not need need not be made.
 */
function assemble(file) {
  const text = read(scriptsFolder, file);
  const use = /^(?:#!.*\n)?-- @use\b(.*)$/m.exec(text.split('\n').slice(0, 2).join('\n'));
  const preludes = [...(use?.[1] ?? '').matchAll(/([\w-]+)(?:\(([^)]*)\))?/g)].map(([, name, inner]) => {
    if (inner === undefined) return prelude(name);
    const body = inner.split(' ').map((one) => prelude(one));
    return [`local function ${name}(...)`, ...body, 'end'].join('\n');
  });
  const lines = stripped(text).split('\n');
  const shebang = lines.filter((line) => line.startsWith('#!'));
  return [...shebang, ...preludes, ...lines.filter((line) => !line.startsWith('#!'))].join('\n') + '\n';
}

function makeLua() {
  const facets = readdirSync(join(root, scriptsFolder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'prelude')
    .flatMap(({ name }) => filesIn(`${scriptsFolder}/${name}`, '.lua').map((file) => `${name}/${file}`));
  const scripts = facets.map((file) => {
    const text = assemble(file);
    const sha1 = createHash('sha1').update(text).digest('hex');
    return `  ${camelCase(basename(file, '.lua'))}: {\n    sha1: '${sha1}',\n    text: ${JSON.stringify(text)},\n  },\n`;
  });
  return `${HEAD}export const lua = {\n${scripts.join('')}} as const;\n`;
}

function makeMigrations() {
  const folder = `${brokers}/sqlite/migrations`;
  const migrations = filesIn(folder, '.sql').map((file) => {
    const parts = /^(\d{4})-([a-z0-9-]+)\.sql$/.exec(file);
    if (!parts) throw new Error(`${file}: expected a name such as 0001-initial.sql`);
    const [, number, name] = parts;
    return `  { version: ${Number(number)}, name: '${name}', sql: ${JSON.stringify(read(folder, file))} },\n`;
  });
  return `${HEAD}export const migrations = [\n${migrations.join('')}] as const;\n`;
}

/** The commented sample of the configuration; it comes from the schema, which has to be built first. */
async function makeSample() {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'packages/server'], {
    cwd: root,
    stdio: 'inherit',
  });
  const { sampleYaml } = await import(new URL('../packages/server/dist/config/sample.js', import.meta.url));
  return sampleYaml();
}

const check = process.argv.includes('--check');
const stale = [];
for (const { path, make } of entries) {
  const text = await Promise.resolve(make());
  const file = join(root, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
  stale.push(path);
  if (check) continue;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
for (const path of stale) console.log(check ? `${path} is stale: run npm run generate` : `wrote ${path}`);
if (check && stale.length > 0) process.exitCode = 1;
