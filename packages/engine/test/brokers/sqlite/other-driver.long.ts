// The SQLite driver that the other tests do not use, which is Node's own or the package: the same suites, and files that go from one to the
// other and back. Each part needs a Node that has the other driver.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { otherDriver, type OtherDriver } from '../../support/other-driver.ts';
import { launchProgram } from '../../support/program.ts';
import { sqliteDriver } from '../../../src/brokers/sqlite/thread/driver/choose.ts';
import { folder } from './open.ts';

const other = otherDriver();
const ROOT = fileURLToPath(new URL('../../../../../', import.meta.url));
const pathOf = (program: string) => fileURLToPath(new URL(`programs/${program}`, import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
function run({ node, env }: OtherDriver, args: readonly string[]): Promise<Ended> {
  const child = spawn(node, args, { cwd: ROOT, env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += String(data)));
  child.stderr.on('data', (data) => (stderr += String(data)));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, stdout, stderr })));
}

/** Runs tests with the other driver. */
async function runTests(...args: readonly string[]): Promise<void> {
  const { node, env } = other!;
  const withoutColor = { node, env: { ...env, NO_COLOR: '1' } };
  const { code, stdout, stderr } = await run(withoutColor, [
    'node_modules/vitest/vitest.mjs',
    'run',
    ...args,
  ]);
  expect(code, `${stdout.slice(-10_000)}\n${stderr.slice(-2_000)}`).toBe(0);
  expect(stdout).toMatch(/Tests +\d+ passed/);
}

/** What `pass-on.mjs` prints. */
interface Report {
  readonly driver: string;
  readonly found: readonly string[];
  readonly left: readonly string[];
  readonly faults: readonly unknown[];
}

describe.skipIf(other === null)('with the other SQLite driver', () => {
  test('the broker passes the suites of SQLite', async () => {
    const broker = ['packages/engine/test/conformance/sqlite.test.ts', 'packages/engine/test/brokers/sqlite'];
    await runTests('--project=broker', '--project=unit', ...broker, 'packages/engine/src/brokers/sqlite');
  });

  test('it passes the fault experiments of SQLite', async () => {
    await runTests('--project=experiments', 'faults/experiments/sqlite-');
  });

  test('a file goes from one driver to the other and back, also with its log after a SIGKILL', async () => {
    const path = (await folder()).file('tasks.db');
    const own: OtherDriver = { node: process.execPath, env: {} };
    const launches = [own, other!, own, other!];
    let before: Report | null = null;
    const drivers: string[] = [];
    for (const [index, launch] of launches.entries()) {
      const args = [path, `owner-${index}`];
      const program = launchProgram(pathOf('pass-on.mjs'), { ...launch, args, quiet: true });
      const report = JSON.parse(await program.nextLine()) as Report;
      // The lock of each keeps the other out: this opens the file without looking at the owner's mark.
      const rival = launch === own ? other! : own;
      const { stderr } = await run(rival, [pathOf('sql.mjs'), path, 'SELECT 1']);
      expect(stderr).toContain('database-in-use');
      await program.kill();
      expect(report.found).toEqual(before?.left ?? []);
      expect(report.left.length).toBe((index + 1) * 4);
      expect(report.faults).toEqual([]);
      drivers.push(report.driver);
      before = report;
    }
    const [mine, others] = drivers;
    expect(mine).toBe(sqliteDriver().name);
    expect(others).not.toBe(mine);
    expect(drivers).toEqual([mine, others, mine, others]);
  });

  test('it writes nothing to standard error, and hides no warning of the program', async () => {
    const path = (await folder()).file('tasks.db');
    const { code, stderr } = await run(other!, [pathOf('exit.mjs'), path, 'warn', '10']);
    expect(code).toBe(3);
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('(Use `node'));
    expect(lines).toEqual([
      expect.stringMatching(/ExperimentalWarning: this is a warning of the program$/),
      expect.stringMatching(/Warning: SQLite is spoken of by the program$/),
    ]);
  });
});
