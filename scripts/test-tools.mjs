// Programs that some tests need: found, installed where that is allowed, or named.
import { run } from './tools.mjs';

/**
 * `version`: the output of one of the `places` (default: the name) with `args` must show it. `also`: arguments of
 * calls that must succeed, too. `apt`: the Debian package. `project`: the one kind of tests that needs it; it is left
 * out where the tool is missing.
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
    name: 'go',
    places: ['go', '/usr/local/go/bin/go'],
    args: ['version'],
    version: / go1\.(2[4-9]|[3-9]\d)/,
    also: ['interop/go', 'interop/asynqmon'].map((folder) => ['-C', folder, 'mod', 'download']),
    project: 'interop',
    needed: 'Go 1.24 or newer with the modules of interop',
    advice: 'https://go.dev/doc/install, and a way to https://proxy.golang.org',
  },
];

async function has({ name, places = [name], args, version, also = [] }) {
  for (const place of places) {
    const { code, output } = await run(place, args);
    if (code !== 0 || !version.test(output)) continue;
    const calls = also.map((more) => run(place, more, { env: { GOTOOLCHAIN: 'local' } }));
    return (await Promise.all(calls)).every((call) => call.code === 0);
  }
  return false;
}

async function findMissing(projects) {
  const tools = TOOLS.filter(({ project }) => project === undefined || projects.includes(project));
  const found = await Promise.all(tools.map(has));
  return tools.filter((_, i) => !found[i]);
}

const mayInstall = () =>
  process.env.CI === 'true' && process.platform === 'linux' && process.getuid?.() === 0;

async function install(tools) {
  const packages = tools.map(({ apt }) => apt);
  process.stderr.write(`Installing ${packages.join(', ')} with apt-get …\n`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['-qq', 'update'], { env });
  // A test starts its own servers; the package's service is not wanted.
  const { code, output } = await run(
    'apt-get',
    ['-qq', 'install', '-y', '--no-install-recommends', ...packages],
    { env: { ...env, RUNLEVEL: '1' } },
  );
  if (code !== 0) process.stderr.write(output);
}

/** Tools that tests of these projects will miss. With CI=true, as root on Debian, those with a package are installed first. */
export async function missingTools(projects) {
  const missing = await findMissing(projects);
  const packaged = missing.filter(({ apt }) => apt !== undefined);
  if (packaged.length === 0 || !mayInstall()) return missing;
  await install(packaged);
  return findMissing(projects);
}
