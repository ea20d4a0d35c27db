// npm test [-- arguments of vitest]: builds what is missing and runs the tests; with --all the long ones too.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingTools } from './test-tools.mjs';
import { build, ensureInstalled, requireNode, runNode } from './tools.mjs';

const PROJECTS = ['unit', 'broker', 'http', 'faults'];
const LONG_PROJECTS = ['long', 'interop', 'interop-cluster', 'experiments'];

/** Runs vitest with its own output on the terminal; its counts come from a file that goes again. */
async function vitest(args) {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-test-run-'));
  const report = join(folder, 'report.json');
  try {
    const { code } = await runNode(
      'node_modules/vitest/vitest.mjs',
      ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      { show: 'all' },
    );
    return { code, counts: countsIn(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function countsIn(report) {
  try {
    const found = JSON.parse(readFileSync(report, 'utf8'));
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = found;
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** What vitest is asked for: what was given, and our projects unless it names some. */
function asked(given) {
  const all = given.includes('--all');
  const rest = given.filter((arg) => arg !== '--all');
  if (rest.some((arg) => arg.startsWith('--project'))) return { projects: [], rest };
  return { projects: all ? [...PROJECTS, ...LONG_PROJECTS] : PROJECTS, rest };
}

/** Its arguments; projects that cannot run at all here are left out. */
function vitestArguments({ projects, rest }, missing) {
  const ready = projects.filter(
    (name) => !missing.some(({ project }) => project !== undefined && name.startsWith(project)),
  );
  return [...ready.map((name) => `--project=${name}`), ...rest];
}

requireNode();
await ensureInstalled();
const wanted = asked(process.argv.slice(2));
const [missing] = await Promise.all([missingTools(wanted.projects), build()]);
const { code, counts } = await vitest(vitestArguments(wanted, missing));

for (const { needed, advice } of missing) {
  process.stdout.write(`Tests were skipped because ${needed} was not found. To get it: ${advice}\n`);
}
const { passed, failed, skipped } = counts;
const strict = process.env.CI === 'true';
if (strict && skipped > 0) process.stdout.write('With CI=true a skipped test is a failure.\n');
if (code !== 0 && failed === 0) process.stdout.write('The test run itself failed; see above.\n');
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = code !== 0 || (strict && skipped > 0) ? 1 : 0;
