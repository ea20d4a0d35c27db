// npm test [-- arguments of vitest]: builds what is missing and runs the tests; with --all the long ones, too.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { missingTools } from './test-tools.mjs';
import { build, ensureInstalled, requireNode, runNode } from './tools.mjs';

const PROJECTS = ['unit', 'broker', 'http', 'faults'];
const LONG_PROJECTS = ['long', 'interop', 'interop-cluster', 'experiments'];

/** Runs vitest with its output on the terminal. The counts come from a temporary report file. */
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
    const results = JSON.parse(readFileSync(report, 'utf8'));
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = results;
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

/** Splits our own arguments from those of vitest. Our projects are added unless the arguments name some. */
function parseArguments(given) {
  const isAll = given.includes('--all');
  const vitestArgs = given.filter((arg) => arg !== '--all');
  if (vitestArgs.some((arg) => arg.startsWith('--project'))) return { projects: [], vitestArgs };
  return { projects: isAll ? [...PROJECTS, ...LONG_PROJECTS] : PROJECTS, vitestArgs };
}

/** The arguments for vitest. Projects that a missing tool makes impossible are left out. */
function vitestArguments({ projects, vitestArgs }, missing) {
  const ready = projects.filter(
    (name) => !missing.some(({ project }) => project !== undefined && name.startsWith(project)),
  );
  return [...ready.map((name) => `--project=${name}`), ...vitestArgs];
}

requireNode();
await ensureInstalled();
const request = parseArguments(process.argv.slice(2));
const [missing] = await Promise.all([missingTools(request.projects), build()]);
const { code, counts } = await vitest(vitestArguments(request, missing));

for (const { needed, advice } of missing) {
  process.stdout.write(`Tests were skipped because ${needed} was not found. To get it: ${advice}\n`);
}
const { passed, failed, skipped } = counts;
const isStrict = process.env.CI === 'true';
if (isStrict && skipped > 0) process.stdout.write('With CI=true a skipped test is a failure.\n');
if (code !== 0 && failed === 0) process.stdout.write('The test run itself failed; see above.\n');
process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = code !== 0 || (isStrict && skipped > 0) ? 1 : 0;
