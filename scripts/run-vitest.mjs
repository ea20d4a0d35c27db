// Vitest with its own output on the terminal; counts and the names of failed tests come from a file that goes again.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { runNode } from './tools.mjs';

export async function runVitest(args) {
  const folder = mkdtempSync(join(tmpdir(), 'task-center-test-run-'));
  const report = join(folder, 'report.json');
  try {
    const { code } = await runNode(
      'node_modules/vitest/vitest.mjs',
      ['run', ...args, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      { show: 'all' },
    );
    return { code, ...readReport(report) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The failed tests of a report, one line each. A file that could not be loaded has no tests and is named itself. */
function failedTests(files) {
  return files.flatMap(({ name: path, status, assertionResults, message }) => {
    const file = relative(process.cwd(), path);
    const failed = assertionResults.filter((test) => test.status === 'failed');
    if (failed.length > 0)
      return failed.map(({ fullName, failureMessages }) =>
        describeFailure(`${file}: ${fullName}`, failureMessages[0]),
      );
    return status === 'failed' ? [describeFailure(file, message)] : [];
  });
}

/** The place and the first lines of the error, without the stack. */
const describeFailure = (place, error = '') => `${place}\n    ${error.split('\n    at ')[0].slice(0, 500)}`;

function readReport(path) {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8'));
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = found;
    const skipped = numPendingTests + numTodoTests;
    return { passed: numPassedTests, failed: numFailedTests, skipped, failures: failedTests(testResults) };
  } catch {
    return { passed: 0, failed: 0, skipped: 0, failures: [] };
  }
}
