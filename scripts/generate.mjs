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

/** The generated files: the path of each, relative to the project's root, and the function that returns its text. */
const entries = [
  { path: `${scriptsFolder}/lua.generated.ts`, generate: generateLua },
  { path: `${brokers}/sqlite/migrations/migrations.generated.ts`, generate: generateMigrations },
  { path: 'etc/taskcenter.yaml', generate: generateSample },
];

const HEADER = '// Made by scripts/generate.mjs; do not edit.\n';
const read = (...path) => readFileSync(join(root, ...path), 'utf8');
const filesIn = (folder, ending) =>
  readdirSync(join(root, folder))
    .filter((f) => f.endsWith(ending))
    .sort();
const camelCase = (name) => name.replace(/-+(.)/g, (_, letter) => letter.toUpperCase());

/** Removes blank lines and lines that are only a comment: Redis parses and stores each script as it is sent. */
function stripComments(text) {
  return text
    .split('\n')
    .filter((line) => !/^\s*(--.*)?$/.test(line))
    .join('\n');
}

/** The text of a prelude. Preludes do not use each other, so a script's first line shows all it depends on. */
function readPrelude(name) {
  const text = read(scriptsFolder, 'prelude', `${name}.lua`);
  if (/^-- @use\b/m.test(text)) throw new Error(`prelude ${name}.lua uses another prelude`);
  return stripComments(text);
}

/**
 * A script with its preludes before it. Its first line names them: `-- @use time receipt`. A shebang line stays the
 * very first.
 *
 * `name(a b)` wraps the preludes a and b into one function, whose last prelude uses the arguments and returns. Lua
 * creates all functions of a script again at each call; wrapped ones are created only by calls that need them.
 */
function assemble(file) {
  const text = read(scriptsFolder, file);
  const use = /^(?:#!.*\n)?-- @use\b(.*)$/m.exec(text.split('\n').slice(0, 2).join('\n'));
  const preludes = [...(use?.[1] ?? '').matchAll(/([\w-]+)(?:\(([^)]*)\))?/g)].map(([, name, group]) => {
    if (group === undefined) return readPrelude(name);
    const body = group.split(' ').map((inner) => readPrelude(inner));
    return [`local function ${name}(...)`, ...body, 'end'].join('\n');
  });
  const lines = stripComments(text).split('\n');
  const shebang = lines.filter((line) => line.startsWith('#!'));
  return [...shebang, ...preludes, ...lines.filter((line) => !line.startsWith('#!'))].join('\n') + '\n';
}

function generateLua() {
  const facets = readdirSync(join(root, scriptsFolder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'prelude')
    .flatMap(({ name }) => filesIn(`${scriptsFolder}/${name}`, '.lua').map((file) => `${name}/${file}`));
  const scripts = facets.map((file) => {
    const text = assemble(file);
    const sha1 = createHash('sha1').update(text).digest('hex');
    return `  ${camelCase(basename(file, '.lua'))}: {\n    sha1: '${sha1}',\n    text: ${JSON.stringify(text)},\n  },\n`;
  });
  return `${HEADER}export const lua = {\n${scripts.join('')}} as const;\n`;
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

/** The sample configuration with its comments. It comes from the schema of the server, which is built first. */
async function generateSample() {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-b', 'packages/server'], {
    cwd: root,
    stdio: 'inherit',
  });
  const { sampleYaml } = await import(new URL('../packages/server/dist/config/sample.js', import.meta.url));
  return sampleYaml();
}

const check = process.argv.includes('--check');
const stale = [];
for (const { path, generate } of entries) {
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
