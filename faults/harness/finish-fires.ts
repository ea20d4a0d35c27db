// The end of an experiment with schedules that fire each second.
import { fireFaults, firedTasks, lateMs, type EachSecond } from './fires.ts';
import { now } from './history.ts';
import { histogram } from './recovery.ts';
import type { Run } from './run.ts';

/** Two clocks of one machine are compared: each is read in whole ms. */
const CLOCK_ERROR_MS = 5;
/** The fires that are due by then are made within this time, whatever was killed before. */
const SETTLE_MS = 30_000;
const POLL_MS = 250;

/** As many fires as there should be. */
const expectedOf = ({ schedules, fromMs, toMs }: EachSecond): number =>
  (schedules.length * (toMs - fromMs)) / 1_000;

/** Resolves when the span is over and as many tasks have started as there are fires, or when that takes too long. */
async function fired(run: Run, span: EachSecond): Promise<void> {
  const { toMs } = span;
  const expected = expectedOf(span);
  const starts = () => new Set(run.lines().flatMap((line) => (line.e === 'start' ? [line.id] : []))).size;
  const pause = (ms: number) => new Promise((resolve) => void setTimeout(resolve, ms));
  await pause(Math.max(0, toMs - Date.now()));
  for (const endMs = toMs + SETTLE_MS; Date.now() < endMs && starts() < expected;) await pause(POLL_MS);
}

/** Reports how late fires were. @throws Error if one was early */
function reportLateness(run: Run): void {
  if (run.content === null) throw new Error('the experiment has not finished');
  const originMs = Date.now() - now();
  const stored = run.lines().filter(({ e }) => e === 'fired');
  const late = histogram(lateMs(stored, run.content, originMs));
  if (late) run.fact('late, ms', `${late.p50} / ${late.p99} / ${late.max} (p50 / p99 / longest)`);
  const earliest = Math.min(...lateMs(run.lines(), run.content, originMs));
  if (earliest < -CLOCK_ERROR_MS) throw new Error(`a fire was ${Math.round(-earliest)} ms early (I5)`);
}

/**
 * Ends an experiment with schedules that fire each second: waits for their fires, finishes the run, and compares.
 *
 * @throws Error if one is missing, early, or made twice
 */
export async function finishFires(run: Run, span: EachSecond): Promise<void> {
  await fired(run, span);
  try {
    await run.finish();
  } finally {
    const of = new Set(span.schedules.map(({ id }) => id));
    const made = run.content && firedTasks(run.content).filter(({ meta }) => of.has(meta.schedule));
    if (made) run.fact('fires', `${made.length} of ${expectedOf(span)}`);
  }
  const faults = run.content ? fireFaults(run.content, span) : [];
  if (faults.length > 0)
    throw new Error(
      `${faults.length} schedules did not fire as they should (I5): ${faults.slice(0, 5).join('; ')}`,
    );
  reportLateness(run);
}
