// npm test [-- arguments of vitest]: builds what is missing and runs the tests. With --all a part of the long suites, too, which
// changes from commit to commit (`rotation.mjs`); with --whole all of them.
import { planRotation, runRotation } from './rotation.mjs';
import { runVitest } from './run-vitest.mjs';
import { FIXED_PROJECTS, LONG_PROJECTS } from './suites.mjs';
import { missingTools } from './test-tools.mjs';
import { build, ensureInstalled, requireNode } from './tools.mjs';

const OWN_FLAGS = ['--all', '--whole'];

/** What runs: projects as a whole, with arguments of vitest, and suites that are drawn. */
async function plan(given) {
  const rest = given.filter((arg) => !OWN_FLAGS.includes(arg));
  if (rest.some((arg) => arg.startsWith('--project'))) return { projects: [], rest, suites: [] };
  const all = given.includes('--all');
  // Arguments for vitest name what is wanted: nothing is drawn then.
  const whole = given.includes('--whole') || (all && rest.length > 0);
  if (whole) return { projects: [...FIXED_PROJECTS, ...LONG_PROJECTS], rest, suites: [] };
  return { projects: FIXED_PROJECTS, rest, suites: all ? await planRotation() : [] };
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

requireNode();
await ensureInstalled();
const { projects, rest, suites } = await plan(process.argv.slice(2));
const kinds = [...projects, ...suites.map(({ project }) => project)];
const [missing] = await Promise.all([missingTools(kinds), build()]);
const runs = [await runVitest([...projects.map((name) => `--project=${name}`), ...rest])];
runs.push(...(await runRotation(suites)));

for (const { needed, advice } of missing) {
  process.stdout.write(`Tests were skipped because ${needed} was not found. To get it: ${advice}\n`);
}
const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((kind) =>
  sum(runs.map((run) => run[kind])),
);
const strict = process.env.CI === 'true';
if (strict && skipped > 0) process.stdout.write('With CI=true a skipped test is a failure.\n');
const broke = runs.some(({ code, failed: failures }) => code !== 0 && failures === 0);
if (broke) process.stdout.write('The test run itself failed; see above.\n');
// Named again at the end: a log that is cut keeps its end.
for (const failure of runs.flatMap(({ failures }) => failures))
  process.stdout.write(`\nfailed: ${failure}\n`);
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = runs.some(({ code }) => code !== 0) || (strict && skipped > 0) ? 1 : 0;
