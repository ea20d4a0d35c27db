import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { compileGuide, runProgram } from './support/guide.ts';

let folder: TempFolder;
let printed: readonly string[];

beforeAll(async () => {
  folder = await tempFolder();
  printed = await compileGuide(folder, false);
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
