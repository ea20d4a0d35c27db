import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readChanges } from './read-changes.mjs';

const PERSON = {
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_AUTHOR_NAME: 'a',
  GIT_AUTHOR_EMAIL: 'a@b',
  GIT_COMMITTER_NAME: 'a',
  GIT_COMMITTER_EMAIL: 'a@b',
};
/** Years ago: the dates of commits count, and not the time of the run. */
const FIRST_SECONDS = 1_700_000_000;
const HOURS = 3_600;

describe('what changed lately', () => {
  const place = mkdtempSync(join(tmpdir(), 'task-center-changes-'));
  const whole = join(place, 'whole');
  const commits = [];

  function git(folder, args, seconds = FIRST_SECONDS) {
    const date = `${seconds} +0000`;
    const env = { ...process.env, ...PERSON, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
    return execFileSync('git', ['-C', folder, ...args], { env, encoding: 'utf8', stdio: 'pipe' }).trim();
  }

  function commitFile(name, seconds) {
    writeFileSync(join(whole, name), name);
    git(whole, ['add', '.']);
    git(whole, ['commit', '-q', '-m', name], seconds);
    commits.push(git(whole, ['rev-parse', 'HEAD']));
  }

  function cloneShallow(depth) {
    const folder = join(place, `depth-${depth}`);
    git(place, ['clone', '-q', `--depth=${depth}`, `file://${whole}`, folder]);
    return folder;
  }

  beforeAll(() => {
    git(place, ['init', '-q', whole]);
    commitFile('first', FIRST_SECONDS);
    commitFile('long ago', FIRST_SECONDS + HOURS);
    commitFile('three hours before', FIRST_SECONDS + 3 * HOURS);
    commitFile('ä now', FIRST_SECONDS + 6 * HOURS);
  });
  afterAll(() => rmSync(place, { recursive: true, force: true }));

  test('is what differs from the newest commit that is four hours older', async () => {
    const [, base, , commit] = commits;
    const changed = ['three hours before', 'ä now'];
    expect(await readChanges(whole)).toEqual({ commit, base, changed });
  });

  test('in a shallow clone without such a commit is what differs from its oldest one', async () => {
    const [, , base, commit] = commits;
    expect(await readChanges(cloneShallow(2))).toEqual({ commit, base, changed: ['ä now'] });
  });

  test('in a clone of one commit is nothing but what is not committed yet', async () => {
    const folder = cloneShallow(1);
    const commit = commits.at(-1);
    expect(await readChanges(folder)).toEqual({ commit, base: commit, changed: [] });
    writeFileSync(join(folder, 'first'), 'edited');
    writeFileSync(join(folder, 'new'), '');
    expect((await readChanges(folder)).changed).toEqual(['first', 'new']);
  });

  test('without git is nothing, and the day stands for the commit', async () => {
    const { commit, ...rest } = await readChanges(place);
    expect(commit).toMatch(/^\d{4}-\d\d-\d\d$/);
    expect(rest).toEqual({ base: null, changed: [] });
  });
});
