import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { compileGuide, readGuide, runProgram } from './support/guide.ts';

let folder: TempFolder;
let printed: readonly string[];
const month = await readGuide('README.md', '@task-center/engine/testing');
const testing = await readGuide('docs/testing.md');

beforeAll(async () => {
  folder = await tempFolder();
  printed = await compileGuide(folder, false, { month: month.source, testing: testing.source });
});
afterAll(() => folder?.remove());

test('the guide of the library says what its program prints', () => {
  expect(printed.length).toBeGreaterThan(5);
});

test.for(brokerKinds)('its program runs on $name and prints that', async (kind, { skip }) => {
  if (!kind.available) return skip();
  const store = await kind.createStore();
  expect(await runProgram(folder, store.url)).toEqual(printed);
  await store.remove();
});

test("the README's month of an hourly task prints what it says, and its process ends without a close", async () => {
  expect(month.printed).toHaveLength(1);
  expect(await runProgram(folder, '', 'month')).toEqual(month.printed);
});

test('the tests of docs/testing.md pass with node:test, and their process ends without a close', async () => {
  const lines = await runProgram(folder, '', 'testing');
  expect(lines.join('\n')).toMatch(/\bpass 4\b[^]*\bfail 0\b/);
});
