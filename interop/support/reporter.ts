import { readFileSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';
import { REMARKS } from '../checklist/not-yet.ts';
import { compatibilityTable, faultsOf, type TestedItem } from './table.ts';

const DOCUMENT = new URL('../../docs/asynq-compatibility.md', import.meta.url);
const GO_MOD = new URL('../go/go.mod', import.meta.url);

/** The fleet test runs everything together: it is no item of the checklist. */
const hasItems = ({ moduleId }: TestModule): boolean => !moduleId.endsWith('/fleet.test.ts');

function itemsOf(modules: readonly TestModule[]): TestedItem[] {
  return modules.filter(hasItems).flatMap((module) =>
    Array.from(module.children.allTests(), (test): TestedItem => {
      const { state } = test.result();
      return { name: test.name, state: state === 'pending' ? 'skipped' : state };
    }),
  );
}

/** Summarizes the run on the cluster as one test of item 115. */
function summarizeCluster(modules: readonly TestModule[]): TestedItem[] {
  const tests = itemsOf(modules).filter(({ state }) => state !== 'skipped');
  if (tests.length === 0) return [];
  const state = tests.every((test) => test.state === 'passed') ? 'passed' : 'failed';
  const items = new Set(tests.map(({ name }) => Number.parseInt(name, 10)));
  return [
    {
      name: `115 both: ${tests.length} tests of ${items.size} items once more, on a cluster of three masters`,
      state,
    },
  ];
}

/** The version of the library that the Go program is built with. */
function goVersion(): string {
  return /github\.com\/(hibiken\/asynq v[\d.]+)/.exec(readFileSync(GO_MOD, 'utf8'))?.[1] ?? 'asynq';
}

/** Writes `docs/asynq-compatibility.md` at the end of a run of the whole checklist. */
export default class CompatibilityReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const isOfCluster = (module: TestModule): boolean => module.project.name === 'interop-cluster';
    const tests = [
      ...itemsOf(modules.filter((module) => !isOfCluster(module))),
      ...summarizeCluster(modules.filter(isOfCluster)),
    ];
    const faults = faultsOf(tests, REMARKS);
    if (faults.length === 0) {
      writeFileSync(DOCUMENT, compatibilityTable(tests, REMARKS, goVersion()));
      return;
    }
    process.stderr.write(`The table was not written:\n${faults.join('\n')}\n`);
    process.exitCode = 1;
  }
}
