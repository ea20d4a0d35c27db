// node scripts/count-house.mjs [folder of a checkout]: figures that tell whether the house stays readable, each with its limit.
// It counts `packages/*/src` and, where it says so, tests. Exits with 1 where a limit is exceeded.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { parseSync } from 'oxc-parser';
import { root } from './tools.mjs';

const checkout = process.argv[2] ?? root;
const listed = execFileSync('git', ['-C', checkout, 'ls-files', '-co', '--exclude-standard', 'packages'], {
  encoding: 'utf8',
  maxBuffer: 1 << 26,
});
const files = listed
  .split('\n')
  .filter(
    (path) => /\.(ts|lua)$/.test(path) && !/\.generated\./.test(path) && existsSync(join(checkout, path)),
  );
const isTest = (path) => /\/test\/|\.(test|long)\.ts$/.test(path);
const textOf = (path) => readFileSync(join(checkout, path), 'utf8');
const linesOf = (text) => text.split('\n').length;

const sources = files.filter((path) => path.endsWith('.ts') && !isTest(path)).map(readSource);
const tests = files.filter(isTest).map((path) => ({ path, text: textOf(path) }));

/** Everything that is counted of one source file. */
function readSource(path) {
  const text = textOf(path);
  const { program, comments, module } = parseSync(path, text);
  const starts = [0];
  for (let i = 0; i < text.length; i += 1) if (text[i] === '\n') starts.push(i + 1);
  const lineAt = (position) => starts.findLastIndex((start) => start <= position) + 1;
  const spanOf = ({ start, end }) => lineAt(end) - lineAt(start) + 1;
  return {
    path,
    text,
    lines: starts.length,
    commentLines: comments.reduce((sum, comment) => sum + spanOf(comment), 0),
    imports: module.staticImports
      .map(({ moduleRequest }) => moduleRequest.value)
      .filter((name) => name.startsWith('.')),
    names: program.body.flatMap(declaredNames),
    ...countInside(program, spanOf),
  };
}

/** Names that a statement at the top level declares, and whether each is a type. */
function declaredNames(statement) {
  const node = statement.declaration ?? statement;
  const isType = /^TS(Interface|TypeAlias)/.test(node.type) || node.type === 'ClassDeclaration';
  if (node.type === 'VariableDeclaration')
    return node.declarations.flatMap(({ id }) => (id.name ? [{ name: id.name, isType }] : []));
  return node.id?.name ? [{ name: node.id.name, isType }] : [];
}

function countInside(program, spanOf) {
  const functions = [];
  const classes = [];
  const visit = (node, name) => {
    if (Array.isArray(node)) node.forEach((child) => visit(child, name));
    if (typeof node?.type !== 'string') return;
    const own = node.key?.name ?? node.id?.name ?? name;
    if (/^(Function|Arrow)/.test(node.type) && /Body|Block/.test(node.body?.type ?? ''))
      functions.push({ name: own, lines: spanOf(node) });
    if (/^Class(Declaration|Expression)/.test(node.type))
      classes.push({
        name: own,
        methods: node.body.body.filter(({ type }) => type === 'MethodDefinition').length,
      });
    for (const [key, child] of Object.entries(node))
      if (key !== 'parent' && child && typeof child === 'object') visit(child, own);
  };
  visit(program, '');
  return { functions, classes };
}

const resolved = ({ path, imports }) => imports.map((name) => posix.join(posix.dirname(path), name));

/** Files that import each other in a circle, found depth first. */
function findCycles() {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const done = new Set();
  const cycles = [];
  const walk = (path, trail) => {
    if (trail.includes(path))
      return void cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || !byPath.has(path)) return;
    for (const next of resolved(byPath.get(path))) walk(next, [...trail, path]);
    done.add(path);
  };
  for (const { path } of sources) walk(path, []);
  return cycles;
}

const packageOf = (path) => path.split('/')[1];

/** Top-level names that several files of one package declare. */
function findTwins(wanted) {
  const places = new Map();
  for (const { path, names } of sources)
    for (const { name } of names.filter(wanted)) {
      const key = `${packageOf(path)} ${name}`;
      places.set(key, [...(places.get(key) ?? []), path]);
    }
  return [...places]
    .filter(([, paths]) => new Set(paths).size > 1)
    .map(([key, paths]) => `${key} (${paths.length})`);
}

const RAW_TIMER = /(?<![.\w])(setTimeout|setInterval)\(|\bperformance\.now\(|\bDate\.now\(/g;
const SLEEP = /await\s+(sleep|delay|setTimeout)\(|setTimeout\(\s*(resolve|r|done|res)\b/g;
const MIN_LOGIC_LINES = 150;

/** Folders with logic whose comments are fewer than 12 %. */
function findSilentFolders() {
  const folders = new Map();
  for (const { path, lines, commentLines } of sources) {
    const sum = folders.get(dirname(path)) ?? { lines: 0, comments: 0 };
    folders.set(dirname(path), { lines: sum.lines + lines, comments: sum.comments + commentLines });
  }
  return [...folders]
    .filter(([, { lines, comments }]) => lines >= MIN_LOGIC_LINES && comments / lines < 0.12)
    .map(([folder, { lines, comments }]) => `${folder} ${((100 * comments) / lines).toFixed(0)} %`);
}

const engineSources = sources.filter(
  ({ path }) => path.startsWith('packages/engine/src') && !path.includes('/runtime/'),
);
const find = {
  'classes over 20 methods': sources.flatMap(({ path, classes }) =>
    classes.filter(({ methods }) => methods > 20).map(({ name, methods }) => `${path} ${name} ${methods}`),
  ),
  'functions over 50 lines': sources.flatMap(({ path, functions }) =>
    functions.filter(({ lines }) => lines > 50).map(({ name, lines }) => `${path} ${name} ${lines}`),
  ),
  'source files over 300 lines': sources
    .filter(({ lines }) => lines > 301)
    .map(({ path, lines }) => `${path} ${lines}`),
  'tests over 400 lines': tests.filter(({ text }) => linesOf(text) > 401).map(({ path }) => path),
  'source files under 25 lines': sources
    .filter(({ lines }) => lines < 25)
    .map(({ path, lines }) => `${path} ${lines}`),
  'import cycles': findCycles(),
  'raw timers and clocks of the engine outside runtime': engineSources.flatMap(({ path, text }) =>
    [...text.matchAll(RAW_TIMER)].map(([found]) => `${path} ${found}`),
  ),
  'folders with logic under 12 % comments': findSilentFolders(),
  'names in several files of a package': findTwins(() => true),
  'types in several files of a package': findTwins(({ isType }) => isType),
  "sleeps in the engine's tests": tests
    .filter(({ path }) => path.startsWith('packages/engine'))
    .flatMap(({ path, text }) => [...text.matchAll(SLEEP)].map(([found]) => `${path} ${found}`)),
};
const LIMITS = { 'source files under 25 lines': 30, 'names in several files of a package': 30 };

for (const [what, found] of Object.entries(find)) {
  const limit = LIMITS[what] ?? 0;
  const isOver = found.length > limit;
  console.log(`${isOver ? '✗' : '✓'} ${what}: ${found.length} (at most ${limit})`);
  if (isOver) console.log(found.map((line) => `    ${line}`).join('\n'));
  if (isOver) process.exitCode = 1;
}
