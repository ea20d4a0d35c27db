// The rotating part of `npm run test:all`: chosen suites, one after the other, while there is time.
import { chooseSuites } from './choose-suites.mjs';
import { readChanges } from './read-changes.mjs';
import { runVitest } from './run-vitest.mjs';
import { SUITES } from './suites.mjs';

const MAX_SECONDS = 600;
/** Costs are estimates: suites that take a little longer must not push the last one out. */
export const MAX_CHOSEN_SECONDS = 540;

const say = (text) => process.stdout.write(`${text}\n`);

const describeSuite = ({ name, costSeconds, why }) =>
  `${String(costSeconds).padStart(5)} s  ${name}${why === undefined ? '' : ` (${why})`}`;

/** Chooses the suites of this run and says so. */
export async function planRotation() {
  const changes = await readChanges();
  const { chosen, notSelected, seconds } = chooseSuites(SUITES, changes, MAX_CHOSEN_SECONDS);
  const since = changes.base === null ? 'git knows nothing' : `since ${changes.base.slice(0, 10)}`;
  say(
    `The rotating part of ${changes.commit.slice(0, 10)} (changed files: ${changes.changed.length}, ${since})`,
  );
  for (const suite of chosen) say(describeSuite(suite));
  say(
    `${String(seconds).padStart(5)} s of ${MAX_CHOSEN_SECONDS}. Not selected (npm run test:all -- --whole runs them):`,
  );
  for (const suite of notSelected) say(describeSuite(suite));
  return chosen;
}

/**
 * Runs suites while there is time for them. What runs is not stopped: only its end tells whether it passes.
 *
 * @param readSeconds how long the rotating part has been running
 * @param runSuite resolves to what is kept of a suite's run
 */
export async function runInTime(suites, { maxSeconds, readSeconds, runSuite }) {
  const runs = [];
  const late = [];
  for (const suite of suites) {
    if (readSeconds() + suite.costSeconds > maxSeconds) late.push(suite);
    else runs.push(await runSuite(suite));
  }
  return { runs, late };
}

async function runAndTell({ name, project, files, costSeconds }) {
  const startedMs = performance.now();
  const run = await runVitest([`--project=${project}`, ...files]);
  const seconds = Math.round((performance.now() - startedMs) / 1_000);
  say(`${name}: ${seconds} s, stated ${costSeconds} s`);
  return run;
}

export async function runRotation(suites) {
  const startedMs = performance.now();
  const readSeconds = () => (performance.now() - startedMs) / 1_000;
  const { runs, late } = await runInTime(suites, {
    maxSeconds: MAX_SECONDS,
    readSeconds,
    runSuite: runAndTell,
  });
  if (late.length > 0) say('Not selected after all, as the time was over:');
  for (const suite of late) say(describeSuite(suite));
  return runs;
}
