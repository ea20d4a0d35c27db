// npm run requirements: runs the proofs named in docs/requirements.md and prints the table with their results.
// With --write it puts the results into the document. Exit 1 when a proof fails or is not found.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readRows } from './proofs.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCUMENT = path.join(ROOT, 'docs/requirements.md');

/** Runs test files; resolves each to its tests: `[{ name, status }]`. */
function runTests(files) {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'requirements-'));
  const output = path.join(dir, 'results.json');
  const args = ['vitest', 'run', '--reporter=json', `--outputFile=${output}`, ...files];
  spawnSync('npx', args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  const { testResults } = JSON.parse(readFileSync(output, 'utf8'));
  rmSync(dir, { recursive: true, force: true });
  return new Map(
    testResults.map(({ name, assertionResults }) => [
      path.relative(ROOT, name),
      assertionResults.map(({ fullName, status }) => ({ name: fullName, status })),
    ]),
  );
}

/** Returns passes, fails, skipped, not found, measured (by the bench, see docs/performance.md) or not built yet. */
function resultOf({ there, proof, proofs }, results) {
  if (there === 'not yet') return 'not built yet';
  if (proof.startsWith('`npm run bench')) return 'measured';
  if (proofs.length === 0) return 'not found';
  const states = proofs.map(({ file, name }) => {
    const tests = (results.get(file) ?? []).filter((test) => test.name.includes(name));
    if (tests.length === 0) return 'not found';
    if (tests.some(({ status }) => status === 'failed')) return 'fails';
    return tests.some(({ status }) => status === 'passed') ? 'passes' : 'skipped';
  });
  return ['fails', 'not found', 'skipped'].find((state) => states.includes(state)) ?? 'passes';
}

const text = readFileSync(DOCUMENT, 'utf8');
const rows = readRows(text);
const results = runTests([...new Set(rows.flatMap(({ proofs }) => proofs.map(({ file }) => file)))]);
const rowsWithResult = rows.map((row) => ({ ...row, result: resultOf(row, results) }));
for (const { id, asked, there, brokers, result } of rowsWithResult) {
  console.log(`${id.padEnd(4)} ${result.padEnd(14)} ${there.padEnd(8)} ${brokers.padEnd(14)} ${asked}`);
}
if (process.argv.includes('--write')) {
  const byLine = new Map(rowsWithResult.map((row) => [row.line, row]));
  const written = text.split('\n').map((line) => {
    const row = byLine.get(line);
    return row ? line.replace(/[^|]*\|$/, ` ${row.result} |`) : line;
  });
  writeFileSync(DOCUMENT, written.join('\n'));
}
process.exitCode = rowsWithResult.some(({ result }) => result === 'fails' || result === 'not found') ? 1 : 0;
