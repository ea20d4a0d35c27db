import { afterAll, beforeAll, expect, test } from 'vitest';
import { brokerKinds } from '../../engine/test/support/brokers.ts';
import { tempFolder, type TempFolder } from '../../engine/test/support/temp.ts';
import { compileGuide, runProgram } from './support/guide.ts';

let folder: TempFolder;
let printed: readonly string[];

beforeAll(async () => {
  folder = await tempFolder();
  printed = await compileGuide(folder, true);
}, 120_000);
afterAll(() => folder?.remove());

test.for(brokerKinds)(
  'the program of the guide, compiled and run with the packages as npm packs them, prints what the guide says on $name',
  async (kind, { skip }) => {
    if (!kind.available) return skip();
    const store = await kind.createStore();
    expect(await runProgram(folder, store.url)).toEqual(printed);
    await store.remove();
  },
);
