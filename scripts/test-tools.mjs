// Programs that some tests need: found, installed where that is allowed, or named.
import { run } from './tools.mjs';

/** `version`: the output of `command` with `args` must show it. `apt`: the Debian package. */
const TOOLS = [
  {
    name: 'redis-server',
    args: ['--version'],
    version: / v=([7-9]|\d\d)\./,
    apt: 'redis-server',
    needed: 'Redis 7.0 or newer',
    advice: 'apt-get install redis-server, brew install redis, or https://redis.io/docs/latest/get-started/',
  },
];

async function has({ name, args, version }) {
  const { code, output } = await run(name, args);
  return code === 0 && version.test(output);
}

async function findMissing() {
  const found = await Promise.all(TOOLS.map(has));
  return TOOLS.filter((_, i) => !found[i]);
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

/** Tools that tests will miss. With CI=true, as root on Debian, they are installed first. */
export async function missingTools() {
  const missing = await findMissing();
  if (missing.length === 0 || !mayInstall()) return missing;
  await install(missing);
  return findMissing();
}
