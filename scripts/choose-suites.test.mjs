import { describe, expect, test } from 'vitest';
import { chooseSuites } from './choose-suites.mjs';

const suite = (name, costSeconds = 10) => ({
  name,
  files: [`tests/${name}.ts`],
  guards: [`src/${name}`],
  costSeconds,
});
const SUITES = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => suite(name));
const COMMIT = '8b351d804e7303166d4be4e21fbd79d85ef05ed6';
const NOTHING = { commit: COMMIT, changed: [] };
const namesOf = (suites) => suites.map(({ name }) => name);

describe('a choice of suites', () => {
  test('takes what changed first, and says why', () => {
    const { chosen } = chooseSuites(
      SUITES,
      { commit: COMMIT, changed: ['README.md', 'src/g/deep/x.ts'] },
      20,
    );
    expect(namesOf(chosen)[0]).toBe('g');
    expect(chosen.map(({ why }) => why)).toEqual(['src/g/deep/x.ts changed', 'drawn']);
  });

  test('counts a change of a file of the suite itself', () => {
    const { chosen } = chooseSuites(SUITES, { commit: COMMIT, changed: ['tests/f.ts'] }, 10);
    expect(chosen.map(({ why }) => why)).toEqual(['tests/f.ts changed']);
  });

  test('does not take a folder for another one whose name begins with its own', () => {
    const { chosen } = chooseSuites(SUITES, { commit: COMMIT, changed: ['src/gg/x.ts'] }, 80);
    expect(new Set(chosen.map(({ why }) => why))).toEqual(new Set(['drawn']));
  });

  test('stays within the time, though more has changed', () => {
    const changed = SUITES.map(({ guards: [folder] }) => `${folder}/x.ts`);
    const { chosen, notSelected, seconds } = chooseSuites(SUITES, { commit: COMMIT, changed }, 35);
    expect(seconds).toBe(30);
    expect(chosen).toHaveLength(3);
    expect(namesOf([...chosen, ...notSelected]).toSorted()).toEqual(namesOf(SUITES));
  });

  test('fills what a long suite leaves with a shorter one', () => {
    const long = { ...suite('long', 30), guards: ['src'] };
    const { chosen, notSelected } = chooseSuites(
      [long, ...SUITES],
      { commit: COMMIT, changed: ['src/x'] },
      25,
    );
    expect(chosen).toHaveLength(2);
    expect(namesOf(notSelected)).toContain('long');
  });

  test('takes a suite that fills the time to the second', () => {
    expect(chooseSuites([suite('a', 25)], NOTHING, 25).chosen).toHaveLength(1);
  });

  test('is the same for the same commit, in whatever order the table is', () => {
    const first = chooseSuites(SUITES, NOTHING, 30);
    const second = chooseSuites(SUITES.toReversed(), NOTHING, 30);
    expect(namesOf(second.chosen)).toEqual(namesOf(first.chosen));
    expect(namesOf(second.notSelected)).toEqual(namesOf(first.notSelected));
  });

  test.each([{ changed: [] }, { changed: ['src/a/x', 'src/b/x', 'src/c/x', 'src/d/x'] }])(
    'gives each suite its turn from commit to commit: $changed',
    ({ changed }) => {
      const times = new Map();
      for (let i = 0; i < 200; i += 1) {
        const { chosen } = chooseSuites(SUITES, { commit: `commit ${i}`, changed }, 20);
        for (const { name } of chosen) times.set(name, (times.get(name) ?? 0) + 1);
      }
      const fair = changed.length === 0 ? namesOf(SUITES) : ['a', 'b', 'c', 'd'];
      expect(new Set(times.keys())).toEqual(new Set(fair));
      expect(Math.min(...times.values())).toBeGreaterThan(400 / fair.length / 2);
    },
  );
});
