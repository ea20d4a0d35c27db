import { describe, expect, test } from 'vitest';
import { findBadRows, findBrokenMutations, findBrokenProofs, readRows } from './proofs.mjs';

const FILES = new Map([
  ['packages/engine/test/conformance/redis.test.ts', `import { suite } from './suite.ts';\nsuite();`],
  [
    'packages/engine/test/conformance/suite.ts',
    String.raw`import '../../src/a.ts'; test('expiry isn\'t unbounded', f);`,
  ],
  ['packages/engine/src/a.ts', 'once(); twice(); twice(); // not a test'],
]);
const read = (path) => FILES.get(path) ?? null;
const REDIS = 'packages/engine/test/conformance/redis.test.ts';

const brokenProofs = (...proofs) => findBrokenProofs([{ id: 'Q1', proofs }], read);
const brokenMutations = (file, from) => findBrokenMutations([{ name: 'm', file, from }], read);

describe('the rows of the table', () => {
  test('give their proofs, several separated by a semicolon', () => {
    const [row] = readRows(
      '| Q7 | delays | yes | here | `a.test.ts` › is, late; `b.test.ts` › | Redis | passes |',
    );
    expect(row).toMatchObject({ id: 'Q7', asked: 'delays', brokers: 'Redis' });
    expect(row.proofs).toEqual([
      { file: 'a.test.ts', name: 'is, late' },
      { file: 'b.test.ts', name: '' },
    ]);
  });
});

describe('a row that proves nothing', () => {
  const table = (proof, there = 'yes') => `| Q1 | asked | ${there} | where | ${proof} | both | passed |`;

  test('is found: another form, or no proof though it is there', () => {
    expect(findBadRows('| Q1 | asked | a | stray | bar |')).toEqual([
      expect.stringContaining('another form'),
    ]);
    expect(findBadRows(table('`a.test.ts` > name'))).toEqual([expect.stringMatching(/^Q1: /)]);
  });

  test('is none if a command proves it, or it is not there yet', () => {
    expect(findBadRows([table('`npm run bench`'), table('', 'not yet')].join('\n'))).toEqual([]);
    expect(findBadRows(table('`a.test.ts` › name'))).toEqual([]);
  });
});

describe('a proof', () => {
  test('may name a test of a suite that its file imports', () => {
    expect(brokenProofs({ file: REDIS, name: "expiry isn't unbounded" })).toEqual([]);
  });

  test('may name a file alone', () => {
    expect(brokenProofs({ file: REDIS, name: '' })).toEqual([]);
  });

  test('is broken when no such test or file exists; the sources under test do not count', () => {
    expect(
      brokenProofs(
        { file: REDIS, name: 'not a test' },
        { file: 'packages/engine/test/gone.test.ts', name: '' },
      ),
    ).toEqual([
      `Q1: no test in ${REDIS} is named "not a test"`,
      'Q1: packages/engine/test/gone.test.ts does not exist',
    ]);
  });
});

describe('a mutation', () => {
  test('finds its line exactly once', () => {
    const file = 'packages/engine/src/a.ts';
    expect(brokenMutations(file, 'once()')).toEqual([]);
    expect(brokenMutations(file, 'twice()')).toEqual([`m: ${file} contains 2 times, not once: twice()`]);
    expect(brokenMutations(file, 'never()')).toEqual([`m: ${file} contains 0 times, not once: never()`]);
    expect(brokenMutations('b.ts', 'once()')).toEqual(['m: b.ts does not exist']);
  });
});
