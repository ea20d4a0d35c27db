import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { MAX_CHOSEN_SECONDS } from './rotation.mjs';
import { FIXED_PROJECTS, SUITES } from './suites.mjs';
import { root, runNode } from './tools.mjs';

/** Project and file of each test that `npm test` leaves out, as vitest finds them. */
async function listLongFiles() {
  const { output } = await runNode('node_modules/vitest/vitest.mjs', ['list', '--filesOnly', '--json'], {
    // The experiments of every run, and not those that a person asks for.
    env: { FAULTS: '' },
  });
  return JSON.parse(output)
    .filter(({ projectName }) => !FIXED_PROJECTS.includes(projectName))
    .map(({ projectName, file }) => `${projectName} ${relative(root, file)}`);
}

test('each long test file is in one suite of each of its projects', async () => {
  const stated = SUITES.flatMap(({ project, files }) => files.map((file) => `${project} ${file}`));
  expect(stated.toSorted()).toEqual((await listLongFiles()).toSorted());
});

test.each(SUITES)('$name guards what is there, and fits into a run', ({ guards, costSeconds }) => {
  expect(guards.filter((path) => !existsSync(join(root, path)))).toEqual([]);
  expect(costSeconds).toBeGreaterThan(0);
  expect(costSeconds).toBeLessThanOrEqual(MAX_CHOSEN_SECONDS);
});
