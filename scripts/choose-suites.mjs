// Which suites a run takes. Nothing here knows git, clocks or processes.
import { createHash } from 'node:crypto';

const isWithin = (path, place) => path === place || path.startsWith(`${place}/`);

/** The first changed path among the suite's own files and those that it guards. */
const findChange = ({ files, guards }, changed) =>
  changed.find((path) => [...files, ...guards].some((place) => isWithin(path, place)));

/** A suite's lot: the same for a commit on every machine, another one for the next commit. */
const drawLot = (commit, { name }) => createHash('sha256').update(`${commit} ${name}`).digest('hex');

function sortByTurn(suites, { commit, changed }) {
  const drawn = suites.map((suite) => ({
    suite,
    change: findChange(suite, changed),
    lot: drawLot(commit, suite),
  }));
  const ofChanged = ({ change }) => (change === undefined ? 1 : 0);
  return drawn.sort((a, b) => ofChanged(a) - ofChanged(b) || (a.lot < b.lot ? -1 : 1));
}

/**
 * Takes the suites whose sources changed, then others, until their costs fill the time. The commit draws the order in both,
 * since a large change touches more than fits: every suite must get its turn. What does not fit leaves its place to
 * something shorter.
 *
 * @param suites `{ name, files, guards, costSeconds }`: paths from the project's folder
 * @param state the commit, and the paths that changed
 */
export function chooseSuites(suites, { commit, changed }, maxSeconds) {
  const chosen = [];
  const notSelected = [];
  let seconds = 0;
  for (const { suite, change } of sortByTurn(suites, { commit, changed })) {
    if (seconds + suite.costSeconds > maxSeconds) {
      notSelected.push(suite);
      continue;
    }
    seconds += suite.costSeconds;
    chosen.push({ ...suite, why: change === undefined ? 'drawn' : `${change} changed` });
  }
  return { chosen, notSelected, seconds };
}
