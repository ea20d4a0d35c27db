// What git knows: the commit, and what changed lately.
import { root, run } from './tools.mjs';

/**
 * What changed within these hours before the commit counts as changed. The commit's own date is asked and no clock: a commit
 * that is tested again gets the same suites.
 */
const RECENT_HOURS = 4;

const git =
  (folder) =>
  async (...args) => {
    // Warnings go to the other stream: they are no data.
    const { code, stdout } = await run('git', ['-c', 'core.quotePath=off', ...args], { cwd: folder });
    return code === 0 ? stdout.split('\n').filter((line) => line !== '') : [];
  };

/** The newest commit that is old enough. A shallow clone may have none: then the oldest that it has. */
async function findBase(ask, committed) {
  const [old] = await ask('log', '-1', '--format=%H', `--until=${committed - RECENT_HOURS * 3_600}`);
  if (old !== undefined) return old;
  // Where a shallow clone ends, git takes a commit for a root.
  return (await ask('log', '--format=%H', '--max-parents=0')).at(-1);
}

/**
 * The commit of a folder, the earlier one that it is compared with, and the paths that changed. Without git nothing counts
 * as changed, and the day stands for the commit: each day draws anew.
 */
export async function readChanges(folder = root) {
  const ask = git(folder);
  const [head] = await ask('log', '-1', '--format=%H %ct');
  if (head === undefined) return { commit: new Date().toISOString().slice(0, 10), base: null, changed: [] };
  const [commit, committed] = head.split(' ');
  const base = await findBase(ask, Number(committed));
  // The files on the disk are compared: what is not committed yet is what its author wants tested.
  const edited = await ask('diff', '--name-only', '--no-renames', base);
  const added = await ask('ls-files', '--others', '--exclude-standard');
  return { commit, base, changed: [...edited, ...added] };
}
